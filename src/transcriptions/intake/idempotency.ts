import type { Database, Transaction } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import { answeredWith, answerKey, holdKey, keepHolding, releaseKey } from './idempotency.store.ts'

/** How long a key is remembered. */
export const KEPT_SECONDS = 86_400

/** A holder says every so often that it is there; one that says nothing for so long has died. */
const HEARTBEAT_MS = 10_000
const SILENT_SECONDS = 60

/** A request with an Idempotency-Key. Disposing of it gives the key back, where the request was not answered. */
export type KeyHold = AsyncDisposable & {
  /** Whether a request with this key was answered before. */
  isAnswered: boolean
  /** Gives what the key was answered with before, null for the first request. Throws `idempotency_key_reused` for another body. */
  earlier(fingerprint: string): string | null
  /** Writes the answer down. Throws `idempotency_key_in_use` where another request has taken the key over. */
  answer(tx: Transaction, answer: { transcriptionId: string; fingerprint: string }): Promise<void>
}

/** Takes a user's key. Throws `idempotency_key_in_use` while another request holds it. */
export async function holdIdempotencyKey(
  db: Database,
  keys: { userId: string; key: string },
): Promise<KeyHold> {
  const hold = { ...keys, holder: crypto.randomUUID() }
  if (!(await holdKey(db, { ...hold, keptSeconds: KEPT_SECONDS, silentSeconds: SILENT_SECONDS }))) {
    const answered = await answeredWith(db, keys)
    if (!answered) throw inUse()
    return {
      isAnswered: true,
      earlier(fingerprint) {
        if (fingerprint === answered.fingerprint) return answered.transcriptionId
        throw new VerbatimError(
          'idempotency_key_reused',
          'This Idempotency-Key came with another body before: send a new key with each new upload',
        )
      },
      answer: () => Promise.reject(inUse()),
      [Symbol.asyncDispose]: async () => {},
    }
  }
  const heart = setInterval(() => void keepHolding(db, hold).catch(() => {}), HEARTBEAT_MS)
  return {
    isAnswered: false,
    earlier: () => null,
    async answer(tx, answer) {
      if (!(await answerKey(tx, { ...hold, ...answer }))) throw inUse()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(heart)
      // A key that cannot be released now is free once its holder has been silent for long enough.
      await releaseKey(db, hold).catch(() => {})
    },
  }
}

/** Of an upload's options and its audio, which is named by its sha256; one that is fetched from elsewhere by its URL. */
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
  const text = JSON.stringify([audio, [...fields].sort(([a], [b]) => (a < b ? -1 : 1))])
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return new Uint8Array(digest).toHex()
}

function inUse() {
  return new VerbatimError(
    'idempotency_key_in_use',
    'A request with this Idempotency-Key is under way: ask again once it is answered',
  )
}
