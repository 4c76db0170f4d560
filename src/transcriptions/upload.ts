import { holdUser, userExists } from '../auth/users.store.ts'
import type { Database, Transaction } from '../db/database.ts'
import type { EngineName } from '../engines/engine.ts'
import { VerbatimError } from '../errors.ts'
import type { Queue } from '../queue/queue.ts'
import type { Storage } from '../storage/storage.ts'
import type { Traces } from '../traces/traces.ts'
import { type Allowance, isLimited, requireRoom, requireWithin } from './allowance.ts'
import { fingerprintOf, takeTurn } from './idempotency.ts'
import { audioKey, folderOf } from './keys.ts'
import type { Look, Seen } from './look.ts'
import { parseOptions } from './options.ts'
import { prepareJob, turnOf } from './span-jobs.ts'
import { insertTranscription } from './transcriptions.store.ts'

type StoredAudio = { bytes: number; sha256: string }

/** What is told to a URL that an upload names. */
export type UploadWebhooks = {
  /** Throws `url_refused` and `url_failed` where it cannot be asked. */
  check(url: string): Promise<void>
  /** Lets the transaction's transcription have one. */
  provide(tx: Transaction, userId: string): Promise<void>
}

/** Brings an upload's text fields, and its audio once `store` has taken it in. */
export type Receive = (store: (body: ReadableStream<Uint8Array>) => Promise<StoredAudio>) => Promise<{
  fields: Map<string, string>
  file: { filename: string | null; stored: StoredAudio } | null
}>

/**
 * Takes an upload in: the audio is stored as it arrives, looked at, and then written down together with its job in one
 * transaction. Gives the transcription's id. Whatever is refused, or breaks off, leaves nothing stored. What came before
 * with the same `idempotencyKey` is answered as it was then.
 *
 * Throws what `receive` throws, and `unauthorized` (the account is gone), `no_audio_file`, `validation`, `too_long`,
 * `idempotency_key_in_use`, `idempotency_key_reused`, `too_many_transcriptions`, `audio_limit_reached`, `url_refused` and
 * `url_failed` (its `webhook_url`), and what `look` refuses.
 */
export function createUpload({
  db,
  queue,
  storage,
  look,
  engines,
  maxAudioSeconds,
  allowance,
  webhooks,
  traces,
}: {
  db: Database
  queue: Pick<Queue, 'enqueue'>
  storage: Pick<Storage, 'write' | 'remove'>
  look: Look
  engines: EngineName[]
  maxAudioSeconds: number
  allowance: Allowance
  webhooks: UploadWebhooks
  traces: Pick<Traces, 'running'>
}) {
  return async ({
    userId,
    receive,
    idempotencyKey: key = null,
    within,
    isEphemeral = false,
  }: {
    userId: string
    receive: Receive
    idempotencyKey?: string | null
    /** Runs in that transaction. */
    within?: (tx: Transaction, id: string) => Promise<void>
    isEphemeral?: boolean
  }): Promise<string> => {
    if (!(await userExists(db, userId))) throw noAccount()
    await using turn = key === null ? null : await takeTurn(db, { userId, key })
    // One that came before may be what there is no more room beside.
    if (key === null) await requireRoom(db, { userId, allowance })
    const id = crypto.randomUUID()
    try {
      const { fields, file } = await receive((body) => storage.write(audioKey(id), body))
      if (!file) throw new VerbatimError('no_audio_file', 'No audio file provided')
      const { bytes, sha256 } = file.stored
      const fingerprint = turn && (await fingerprintOf({ fields, filename: file.filename, sha256 }))
      const earlier = fingerprint && turn.earlier(fingerprint)
      if (earlier) {
        await storage.remove(folderOf(id))
        return earlier
      }
      const options = parseOptions(fields, engines)
      if (options.webhookUrl !== null) await webhooks.check(options.webhookUrl)
      const info = await look({ id, bytes })
      const step = traces.running()
      step?.tell({ 'verbatim.transcription.id': id, 'verbatim.audio.bytes': bytes })
      const apart = options.channels === 'split' ? info.channels : 1
      if (apart * (info.claimedSeconds ?? 0) > maxAudioSeconds) throw tooLong({ maxAudioSeconds, apart })
      await db.transaction(async (tx) => {
        const strength = isLimited(allowance) ? 'no key update' : 'key share'
        if (!(await holdUser(tx, { id: userId, strength }))) throw noAccount()
        const ownTurn = await turnOf(tx, { userId })
        await insertTranscription(tx, {
          id,
          userId,
          ...options,
          isEphemeral,
          filename: file.filename && plainFilename(file.filename),
          codec: info.codec,
          audioChannels: info.channels,
          claimedSeconds: info.claimedSeconds,
          contentType: contentTypeOf(info),
          audioBytes: bytes,
          audioSha256: sha256,
          traceparent: step?.traceparent ?? null,
        })
        if (options.webhookUrl !== null) await webhooks.provide(tx, userId)
        if (fingerprint) await turn.answer(tx, { transcriptionId: id, fingerprint })
        await requireWithin(tx, { id, userId, allowance })
        await queue.enqueue(tx, 'prepare', [prepareJob({ id, ...ownTurn })])
        await within?.(tx, id)
      })
      return id
    } catch (error) {
      await storage.remove(folderOf(id))
      throw error
    }
  }
}

function noAccount() {
  return new VerbatimError('unauthorized', 'The account of this access token no longer exists')
}

function tooLong({ maxAudioSeconds, apart }: { maxAudioSeconds: number; apart: number }) {
  const summed = apart > 1 ? `, summed over its ${apart} channels,` : ''
  return new VerbatimError(
    'too_long',
    `The audio${summed} is longer than the ${maxAudioSeconds} seconds that this server takes`,
  )
}

/** The name alone, without folders or control characters (Postgres takes no NUL). */
function plainFilename(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  return last.replace(/\p{Cc}/gu, '').slice(0, 255)
}

/** By ffmpeg's container names, never by what the client said. */
const CONTENT_TYPES: [container: RegExp, type: string][] = [
  [/^wav|^w64/, 'audio/wav'],
  [/^mp3/, 'audio/mpeg'],
  [/^flac/, 'audio/flac'],
  [/^ogg/, 'audio/ogg'],
  [/^mov|^mp4/, 'audio/mp4'],
  [/^matroska|^webm/, 'audio/webm'],
  [/^aiff/, 'audio/aiff'],
  [/^aac/, 'audio/aac'],
]

function contentTypeOf({ container }: Seen): string {
  return CONTENT_TYPES.find(([pattern]) => pattern.test(container))?.[1] ?? 'application/octet-stream'
}
