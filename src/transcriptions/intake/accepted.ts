import type { Transaction } from '../../db/database.ts'
import type { StoredAudio } from '../../intake.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import type { Queue } from '../../queue/queue.ts'
import { type Callback, insertCallback } from '../../webhooks/callbacks.store.ts'
import { readRankAndAhead } from '../open-work.store.ts'
import { enqueuePrepare } from '../pipeline/span-jobs.ts'
import { chosenTrack } from '../tracks.ts'
import { insertTranscription } from '../transcriptions.store.ts'
import { type Clip, clipColumns, insertClip } from './clip.ts'
import type { Inspection } from './inspect.ts'
import type { parseOptions } from './options.ts'

/** How the message to `webhook_url` is sent; the value of its header is encrypted. */
export type StoredCallback = Omit<Callback, 'transcriptionId'>

/** An upload whose stored audio was inspected. */
export type AcceptedUpload = {
  id: string
  userId: string
  /** Null: now. */
  createdAt: Date | null
  options: ReturnType<typeof parseOptions>
  /** Null: a message to `webhook_url` follows Standard Webhooks. */
  callback: StoredCallback | null
  filename: string | null
  audio: StoredAudio
  inspection: Inspection
  isEphemeral: boolean
  traceparent: string | null
}

/**
 * Inserts an accepted upload as a transcription with its first job: of its span if it is a clip, otherwise of
 * prepare. While enough of the user's audio is decoded, a clip waits for prepare too. Returns the number of decoded
 * samples. The caller locks the user's row.
 */
export async function insertAccepted(
  tx: Transaction,
  {
    queue,
    provideWebhook,
    upload,
    clip,
    decodeAheadSeconds,
  }: {
    queue: Pick<Queue, 'enqueue'>
    /** Makes sure that the user has the webhook whose secret signs messages to a `webhook_url`. */
    provideWebhook: (tx: Transaction, userId: string) => Promise<void>
    upload: AcceptedUpload
    clip: Clip | null
    /** How much of a user's audio may be decoded before an engine is free. */
    decodeAheadSeconds: number
  },
): Promise<number> {
  const { id, userId, createdAt, options, inspection, audio } = upload
  const { aheadSamples, ...order } = await readRankAndAhead(tx, { userId, ...(createdAt && { createdAt }) })
  const rank = { userId, ...order }
  const decoded = aheadSamples < decodeAheadSeconds * SAMPLE_RATE ? clip : null
  const recording = {
    id,
    userId,
    channels: options.channels,
    audioChannels: inspection.channels,
    claimedSeconds: inspection.claimedSeconds,
    audioBytes: audio.bytes,
  }
  await insertTranscription(tx, {
    ...(createdAt && { createdAt }),
    ...options,
    ...chosenTrack({ requested: options.track, ...inspection }),
    ...recording,
    ...(decoded && clipColumns(decoded)),
    isEphemeral: upload.isEphemeral,
    filename: upload.filename,
    codec: inspection.codec,
    contentType: contentTypeOf(inspection),
    audioSha256: audio.sha256,
    traceparent: upload.traceparent,
  })
  if (options.webhookUrl !== null) await provideWebhook(tx, userId)
  if (upload.callback) await insertCallback(tx, { ...upload.callback, transcriptionId: id })
  if (decoded) await insertClip(tx, { queue, id, clip: decoded, rank })
  else await enqueuePrepare(tx, { queue, recordings: [{ ...recording, ...rank }] })
  return decoded?.samples ?? 0
}

/** By ffmpeg's container name; the client's Content-Type is never trusted. */
const CONTENT_TYPES: [container: RegExp, type: string][] = [
  [/^wav|^w64/, 'audio/wav'],
  [/^mp3/, 'audio/mpeg'],
  [/^flac/, 'audio/flac'],
  [/^ogg/, 'audio/ogg'],
  [/^mov|^mp4/, 'audio/mp4'],
  [/^matroska|^webm/, 'audio/webm'],
  [/^aiff/, 'audio/aiff'],
  [/^aac|^loas/, 'audio/aac'],
  [/^amr/, 'audio/amr'],
  [/^au$/, 'audio/basic'],
  [/^e?ac3/, 'audio/ac3'],
  [/^mpegts/, 'video/mp2t'],
  [/^mpeg/, 'video/mpeg'],
  [/^flv|^live_flv/, 'video/x-flv'],
  [/^avi/, 'video/x-msvideo'],
  [/^asf/, 'video/x-ms-asf'],
  [/^wv/, 'audio/x-wavpack'],
]

function contentTypeOf({ container }: Inspection): string {
  return CONTENT_TYPES.find(([pattern]) => pattern.test(container))?.[1] ?? 'application/octet-stream'
}
