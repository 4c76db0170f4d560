import { accountGone, holdUser, userExists } from '../../auth/users.store.ts'
import type { Database, Transaction } from '../../db/database.ts'
import type { EngineName } from '../../engines/engine.ts'
import { VerbatimError } from '../../errors.ts'
import type { Queue } from '../../queue/queue.ts'
import type { StorageQuota } from '../../quota.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Traces } from '../../traces/traces.ts'
import { discardFolder } from '../removal.ts'
import { audioKey, folderOf, manifestKey } from '../storage-keys.ts'
import { findTranscription } from '../transcriptions.store.ts'
import { type AcceptedUpload, insertAccepted, type StoredAudio } from './accepted.ts'
import { fingerprintOf, holdIdempotencyKey, type KeyHold } from './idempotency.ts'
import type { Inspect } from './inspect.ts'
import { type Manifest, writeManifest } from './manifest.ts'
import { metered } from './metered.ts'
import { parseOptions } from './options.ts'
import { checkBeforeUpload, checkInTransaction, isLimited, type UsageLimits } from './usage-limits.ts'

/** What is told to a URL that an upload names. */
export type UploadWebhooks = {
  /** Throws `url_refused` and `url_failed` where it cannot be asked. */
  check(url: string): Promise<void>
  /** Lets the transaction's transcription have one. */
  provide(tx: Transaction, userId: string): Promise<void>
}

type Accompanying = {
  turn: KeyHold | null
  within: ((tx: Transaction, id: string) => Promise<void>) | undefined
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
 * `idempotency_key_in_use`, `idempotency_key_reused`, `too_many_transcriptions`, `audio_limit_reached`, `storage_quota_reached`,
 * `too_many_at_once`, `url_refused` and `url_failed` (its `webhook_url`), and what `inspect` refuses.
 */
export function createAcceptUpload({
  db,
  queue,
  storage,
  inspect,
  engines,
  maxAudioSeconds,
  usageLimits,
  storageQuota,
  concurrencyLimit,
  webhooks,
  traces,
}: {
  db: Database
  queue: Pick<Queue, 'enqueue'>
  storage: Pick<Storage, 'write' | 'remove'>
  inspect: Inspect
  engines: EngineName[]
  maxAudioSeconds: number
  usageLimits: UsageLimits
  /** Null: a user may store any amount. */
  storageQuota: StorageQuota | null
  /** Takes a place of the user's while an upload arrives. Throws `too_many_at_once`. */
  concurrencyLimit: (userId: string) => Disposable
  webhooks: UploadWebhooks
  traces: Pick<Traces, 'running'>
}) {
  /** Writes it down with its job. Throws `CommitUnknown` with its cause if nobody can tell whether it is written. */
  async function accept(
    upload: AcceptedUpload,
    { uploadId, idempotency, turn, within }: Pick<Manifest, 'uploadId' | 'idempotency'> & Accompanying,
  ): Promise<void> {
    const { id, userId, isEphemeral } = upload
    const { options, filename, audio, sound } = upload
    const createdAt = new Date().toISOString()
    const facts = { id, userId, createdAt, options, filename, audio, sound, uploadId, idempotency }
    // Nobody waits for an ephemeral one after a crash.
    if (!isEphemeral) await writeManifest(storage, { version: 1, ...facts })
    let isCommitting = false
    try {
      await db.transaction(async (tx) => {
        const strength = isLimited(usageLimits) || storageQuota ? 'no key update' : 'key share'
        if (!(await holdUser(tx, { id: userId, strength }))) throw accountGone()
        await insertAccepted(tx, { queue, provideWebhook: webhooks.provide, upload })
        if (idempotency) await turn?.answer(tx, { transcriptionId: id, fingerprint: idempotency.fingerprint })
        await within?.(tx, id)
        await checkInTransaction(tx, { id, userId, usageLimits })
        await storageQuota?.require(tx, { userId, bytes: audio.bytes })
        isCommitting = true
      })
    } catch (error) {
      if (!isCommitting) throw error
      if (await isWritten(db, id)) return
      // The audio stays, and the sweep does not accept it again: its client is told that the upload failed.
      await storage.remove(manifestKey(id)).catch(() => {})
      throw new CommitUnknown('the commit was not answered', { cause: error })
    }
  }

  return async ({
    userId,
    receive,
    idempotencyKey: key = null,
    within,
    uploadId = null,
    isEphemeral = false,
    isReserved = false,
  }: {
    userId: string
    receive: Receive
    idempotencyKey?: string | null
    /** Its bytes count for the user's storage already. */
    isReserved?: boolean
    /** Runs in that transaction. */
    within?: (tx: Transaction, id: string) => Promise<void>
    /** The resumable upload that this is the end of. */
    uploadId?: string | null
    isEphemeral?: boolean
  }): Promise<string> => {
    if (!(await userExists(db, userId))) throw accountGone()
    // One that is reserved has its place already.
    using _place = isReserved ? null : concurrencyLimit(userId)
    await using turn = key === null ? null : await holdIdempotencyKey(db, { userId, key })
    // The upload that the key was answered with may be what there is no more room beside.
    const isRepeated = turn?.isAnswered ?? false
    if (!isRepeated) await checkBeforeUpload(db, { userId, usageLimits })
    using incoming = isRepeated || isReserved ? null : ((await storageQuota?.begin(userId)) ?? null)
    const id = crypto.randomUUID()
    try {
      const { fields, file } = await receive((body) =>
        storage.write(audioKey(id), incoming ? metered(body, incoming.add) : body),
      )
      if (!file) throw new VerbatimError('no_audio_file', 'No audio file provided')
      const audio = file.stored
      const fingerprint =
        turn && (await fingerprintOf({ fields, filename: file.filename, sha256: audio.sha256 }))
      const earlier = fingerprint && turn.earlier(fingerprint)
      if (earlier) {
        await discardFolder({ db, storage }, folderOf(id))
        return earlier
      }
      const options = parseOptions(fields, engines)
      if (options.webhookUrl !== null) await webhooks.check(options.webhookUrl)
      const sound = await inspect({ id, bytes: audio.bytes, userId })
      const step = traces.running()
      step?.setAttributes({ 'verbatim.transcription.id': id, 'verbatim.audio.bytes': audio.bytes })
      const apart = options.channels === 'split' ? sound.channels : 1
      if (apart * (sound.claimedSeconds ?? 0) > maxAudioSeconds) throw tooLong({ maxAudioSeconds, apart })
      const filename = file.filename && plainFilename(file.filename)
      const upload = { id, userId, createdAt: null, options, filename, audio, sound, isEphemeral }
      const traceparent = step?.traceparent ?? null
      const idempotency = fingerprint && key !== null ? { key, fingerprint } : null
      await accept({ ...upload, traceparent }, { uploadId, idempotency, turn, within })
      return id
    } catch (error) {
      if (error instanceof CommitUnknown) throw error.cause
      await discardFolder({ db, storage }, folderOf(id))
      throw error
    }
  }
}

/** The connection was lost during COMMIT: the rows may be there. */
class CommitUnknown extends Error {}

/** False also if the database cannot tell. */
async function isWritten(db: Database, id: string): Promise<boolean> {
  return findTranscription(db, id).then(
    (row) => row !== null,
    () => false,
  )
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
