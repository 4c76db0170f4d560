import { sha256Hex } from '../../crypto.ts'
import type { Database, Transaction } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import { answerKey, findAnswer, holdKey, releaseKey, renewKey } from './idempotency.store.ts'

export const KEPT_SECONDS = 86_400

/** A request renews its key this often. A key that was not renewed for a minute is free: its process died. */
const HEARTBEAT_MS = 10_000
const SILENT_SECONDS = 60

/** An Idempotency-Key in use by one request. Disposing of it releases the key if it has no answer. */
export type KeyHold = AsyncDisposable & {
  key: string
  /** Whether an earlier request with this key has an answer. */
  isAnswered: boolean
  /**
   * Returns the transcription of the earlier request with this key, null for the first request. Throws
   * `idempotency_key_reused` if that request had another body.
   */
  earlier(fingerprint: string): string | null
  /** Writes the key's answer. Throws `idempotency_key_in_use` if another request holds the key by now. */
  answer(tx: Transaction, answer: { transcriptionId: string; fingerprint: string }): Promise<void>
}

/** Holds a user's key. Throws `idempotency_key_in_use` while another request holds it. */
export async function holdIdempotencyKey(
  db: Database,
  keys: { userId: string; key: string },
): Promise<KeyHold> {
  const hold = { ...keys, holder: crypto.randomUUID() }
  if (!(await holdKey(db, { ...hold, keptSeconds: KEPT_SECONDS, silentSeconds: SILENT_SECONDS }))) {
    const answer = await findAnswer(db, keys)
    if (!answer) throw inUse()
    return {
      key: keys.key,
      isAnswered: true,
      earlier(fingerprint) {
        if (fingerprint === answer.fingerprint) return answer.transcriptionId
        throw new VerbatimError(
          'idempotency_key_reused',
          'This Idempotency-Key was used with another body: send a new key with each new upload',
        )
      },
      answer: () => Promise.reject(inUse()),
      [Symbol.asyncDispose]: async () => {},
    }
  }
  const heartbeat = setInterval(() => void renewKey(db, hold).catch(() => {}), HEARTBEAT_MS)
  return {
    key: keys.key,
    isAnswered: false,
    earlier: () => null,
    async answer(tx, answer) {
      if (!(await answerKey(tx, { ...hold, ...answer }))) throw inUse()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat)
      // A key that cannot be released now is free after SILENT_SECONDS.
      await releaseKey(db, hold).catch(() => {})
    },
  }
}

/**
 * Identifies a body by its fields and its audio: the audio's SHA-256 and filename, or only the `audio_url`
 * field.
 */
export async function fingerprintOf({
  fields,
  filename,
  sha256,
}: {
  fields: Map<string, string>
  filename: string | null
  sha256: string
}): Promise<string> {
  const audio = fields.get('audio_url') ? null : [sha256, filename]
  return sha256Hex(JSON.stringify([audio, [...fields].sort(([a], [b]) => (a < b ? -1 : 1))]))
}

function inUse() {
  return new VerbatimError(
    'idempotency_key_in_use',
    'A request with this Idempotency-Key is in progress: try again when it has finished',
  )
}
