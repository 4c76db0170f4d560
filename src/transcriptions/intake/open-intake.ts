import { accountGone, holdUser } from '../../auth/users.store.ts'
import type { Database, Transaction } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import type { Callback, Intake } from '../../intake.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND, type Sound } from '../../media/media.ts'
import type { Queue } from '../../queue/queue.ts'
import type { Storage } from '../../storage/storage.ts'
import type { IncomingUpload, StorageQuota } from '../../storage-quota.ts'
import type { Traces } from '../../traces/traces.ts'
import { becomeTranscription, lockUpload } from '../../tus/uploads.store.ts'
import type { ModelCatalog } from '../models/catalog.ts'
import { discardFolder } from '../removal.ts'
import { audioKey, folderOf, manifestKey } from '../storage-keys.ts'
import { findTranscription } from '../transcriptions.store.ts'
import { type AcceptedUpload, insertAccepted, type StoredCallback } from './accepted.ts'
import { type Clip, storeClip } from './clip.ts'
import { plainFilename } from './filename.ts'
import { fingerprintOf, type KeyHold } from './idempotency.ts'
import type { Inspect } from './inspect.ts'
import { writeManifest } from './manifest.ts'
import { type OptionDefaults, parseOptions } from './options.ts'
import { checkInTransaction, isLimited, type UsageLimits } from './usage-limits.ts'

/** Webhooks of uploads that name a `webhook_url`. */
export type UploadWebhooks = {
  /** Throws `url_refused` and `url_failed` if messages cannot be sent to the URL. They name it `name`. */
  check(url: string, name?: string): Promise<void>
  /** Encrypts the header's value for the database. */
  seal(callback: Callback, userId: string): Promise<StoredCallback>
  /** Makes sure that the user has the webhook whose secret signs messages to such URLs. */
  provide(tx: Transaction, userId: string): Promise<void>
}

export type IntakeServices = OptionDefaults & {
  db: Database
  queue: Pick<Queue, 'enqueue'>
  storage: Pick<Storage, 'write' | 'remove'>
  inspect: Inspect
  models: Pick<ModelCatalog, 'check'>
  maxAudioSeconds: number
  /** How much of a user's audio may be decoded before an engine is free. */
  decodeAheadSeconds: number
  usageLimits: UsageLimits
  /** Null: unlimited. */
  storageQuota: StorageQuota | null
  webhooks: UploadWebhooks
  traces: Pick<Traces, 'running'>
}

/** An intake whose limits are checked. It owns `holds`, and disposes of them last. */
export function openIntake(
  services: IntakeServices,
  {
    userId,
    uploadId,
    isEphemeral,
    keyHold,
    incoming,
    holds,
  }: {
    userId: string
    uploadId: string | null
    isEphemeral: boolean
    keyHold: KeyHold | null
    /** Counts the bytes towards the storage quota while they arrive; null if they do not count. */
    incoming: IncomingUpload | null
    holds: AsyncDisposable
  },
): Intake {
  const { db, storage, maxAudioSeconds } = services
  const id = crypto.randomUUID()
  let isKept = false

  return {
    id,

    store: (audio) => storage.write(audioKey(id), audio, incoming ? { onChunk: incoming.add } : {}),

    async commit({ fields, file, callback = null }) {
      if (!file) throw new VerbatimError('no_audio_file', 'No audio file provided')
      const { filename, stored: audio } = file
      const idempotency = keyHold && {
        key: keyHold.key,
        fingerprint: await fingerprintOf({ fields, filename, sha256: audio.sha256 }),
      }
      const earlier = idempotency && keyHold.earlier(idempotency.fingerprint)
      if (earlier) return earlier
      const { upload, sound } = await inspectUpload(services, {
        ...{ id, userId, isEphemeral, fields, filename, audio, callback },
      })
      // An ephemeral upload is never accepted again: its client is gone after a crash.
      if (!isEphemeral) await writeManifest(storage, { upload, uploadId, idempotency })
      const clip = await storeClip(storage, { ...upload, sound, maxAudioSeconds })
      try {
        return await db.transaction(async (tx) => {
          const transcriptionId = await insertUpload(tx, services, {
            upload,
            clip,
            uploadId,
            keyHold,
            fingerprint: idempotency?.fingerprint ?? null,
          })
          isKept = transcriptionId === id
          return transcriptionId
        })
      } catch (error) {
        // The audio is kept if the connection was lost during COMMIT: the rows may have been written.
        if (!isKept) throw error
        if (await isWritten(db, id)) return id
        // Without its manifest the sweep does not accept the upload again, which its client sees fail.
        await storage.remove(manifestKey(id)).catch(() => {})
        throw error
      }
    },

    async [Symbol.asyncDispose]() {
      if (!isKept) await discardFolder({ db, storage }, folderOf(id))
      await holds[Symbol.asyncDispose]()
    },
  }
}

/** Parses the options of an upload and inspects its stored audio. `sound`: of a clip, which is decoded meanwhile. */
async function inspectUpload(
  { webhooks, models, inspect, traces, maxAudioSeconds, ...defaults }: IntakeServices,
  {
    fields,
    callback,
    ...upload
  }: Pick<AcceptedUpload, 'id' | 'userId' | 'isEphemeral' | 'filename' | 'audio'> & {
    fields: Map<string, string>
    callback: Callback | null
  },
): Promise<{ upload: AcceptedUpload; sound: Sound | null }> {
  const { id, userId, filename, audio } = upload
  const options = parseOptions(fields, defaults)
  await models.check(options)
  if (options.webhookUrl !== null) await webhooks.check(options.webhookUrl, callback?.urlName)
  const { inspection, sound } = await inspect({ id, bytes: audio.bytes, userId, track: options.track })
  const traceSpan = traces.running()
  traceSpan?.setAttributes({
    'verbatim.transcription.id': id,
    'verbatim.audio.bytes': audio.bytes,
    ...(sound && {
      'verbatim.audio.codec': inspection.codec ?? 'unknown',
      'verbatim.audio.seconds': sound.piece.pcm.length / BYTES_PER_SECOND,
    }),
  })
  const channels = options.channels === 'split' ? inspection.channels : 1
  if (channels * (inspection.claimedSeconds ?? 0) > maxAudioSeconds)
    throw tooLong({ maxAudioSeconds, channels })
  const accepted = {
    ...upload,
    filename: filename && plainFilename(filename),
    createdAt: null,
    options,
    callback: callback && (await webhooks.seal(callback, userId)),
    inspection,
    traceparent: traceSpan?.traceparent ?? null,
  }
  return { upload: accepted, sound }
}

/**
 * Writes the transcription, its first job, and the answer of its idempotency key. Returns the transcription's
 * id; if another request has finished the same resumable upload, writes nothing and returns that one's.
 */
async function insertUpload(
  tx: Transaction,
  { queue, usageLimits, storageQuota, webhooks, decodeAheadSeconds }: IntakeServices,
  {
    upload,
    clip,
    uploadId,
    keyHold,
    fingerprint,
  }: {
    upload: AcceptedUpload
    clip: Clip | null
    uploadId: string | null
    keyHold: KeyHold | null
    fingerprint: string | null
  },
): Promise<string> {
  const { id, userId, audio } = upload
  const strength = isLimited(usageLimits) || storageQuota ? 'no key update' : 'key share'
  if (!(await holdUser(tx, { id: userId, strength }))) throw accountGone()
  if (uploadId !== null) {
    const resumable = await lockUpload(tx, { id: uploadId, userId })
    if (!resumable) throw new VerbatimError('not_found', 'Upload not found')
    if (resumable.transcriptionId !== null) return resumable.transcriptionId
  }
  const decodedSamples = await insertAccepted(tx, {
    ...{ queue, provideWebhook: webhooks.provide, upload, clip, decodeAheadSeconds },
  })
  if (fingerprint !== null) await keyHold?.answer(tx, { transcriptionId: id, fingerprint })
  if (uploadId !== null) await becomeTranscription(tx, { id: uploadId, transcriptionId: id })
  await checkInTransaction(tx, { id, userId, usageLimits })
  const pcmBytes = decodedSamples * BYTES_PER_SAMPLE
  await storageQuota?.require(tx, { userId, bytes: audio.bytes, pcmBytes })
  return id
}

/** False also if the database cannot be read. */
async function isWritten(db: Database, id: string): Promise<boolean> {
  return findTranscription(db, id).then(
    (row) => row !== null,
    () => false,
  )
}

function tooLong({ maxAudioSeconds, channels }: { maxAudioSeconds: number; channels: number }) {
  const summed = channels > 1 ? `, summed over its ${channels} channels,` : ''
  return new VerbatimError(
    'too_long',
    `The audio${summed} is longer than the ${maxAudioSeconds} seconds that this server takes`,
  )
}
