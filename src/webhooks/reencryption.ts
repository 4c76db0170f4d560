import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import { type PollLoop, startPollLoop } from '../queue/poll-loop.ts'
import { findHeadersWithoutPrefix, replaceHeader } from './callbacks.store.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { decrypted, validAt } from './secrets.ts'
import { findSecretsWithoutPrefix, replaceSecrets, type StoredSecrets } from './webhooks.store.ts'

const BATCH = 100
/** Operators may remove a replaced JWT_SECRET after an hour. */
const ROUND_MS = 15 * 60_000

/**
 * Re-encrypts with the first JWT_SECRET the webhook secrets that are stored in clear or were encrypted with
 * an older one, and the headers of callbacks. It repeats, because a process that still has the older one first may write with it.
 */
export function startReencryption({
  db,
  cipher,
  log,
}: {
  db: Database
  cipher: SecretCipher
  log: Log
}): Pick<PollLoop, 'stop'> {
  let after: string | null = null
  let unreadable = 0
  let logged = 0

  async function round(): Promise<boolean> {
    const page = await findSecretsWithoutPrefix(db, { prefix: cipher.prefix, after, limit: BATCH })
    for (const stored of page) if (!(await reencrypt({ db, cipher }, stored))) unreadable += 1
    after = page.at(-1)?.id ?? null
    if (after !== null) return true
    await reencryptHeaders({ db, cipher })
    if (unreadable > logged) log(unreadableLine(unreadable))
    logged = unreadable
    unreadable = 0
    return false
  }

  const loop = startPollLoop({
    pass: round,
    everyMs: () => ROUND_MS,
    onError: (error) => log('cannot re-encrypt webhook secrets; next attempt within 15 minutes', error),
  })
  loop.wake()
  return loop
}

const unreadableLine = (count: number) =>
  `webhooks that cannot sign: ${count}; their secrets were encrypted with a JWT_SECRET that this ` +
  'process lacks: append it to JWT_SECRET, or ask the users to rotate their webhook secrets'

/**
 * False if the current secret cannot be decrypted. Unexpired previous secrets that cannot be decrypted stay
 * as is.
 */
async function reencrypt(
  { db, cipher }: { db: Database; cipher: SecretCipher },
  stored: StoredSecrets,
): Promise<boolean> {
  const encryptAgain = async (secret: string) => {
    const plain = await decrypted(cipher, { secret, userId: stored.userId })
    return plain === null ? null : cipher.encrypt(plain, stored)
  }
  const secret = await encryptAgain(stored.secret)
  if (secret === null) return false
  const previousSecrets = validAt(stored.previousSecrets, new Date()).map(async (previous) => ({
    ...previous,
    secret: (await encryptAgain(previous.secret)) ?? previous.secret,
  }))
  await replaceSecrets(db, stored, { secret, previousSecrets: await Promise.all(previousSecrets) })
  return true
}

/** Headers that cannot be decrypted stay as is: an attempt to send the message reports it. */
async function reencryptHeaders({ db, cipher }: { db: Database; cipher: SecretCipher }): Promise<void> {
  let after: string | null = null
  do {
    const page = await findHeadersWithoutPrefix(db, { prefix: cipher.prefix, after, limit: BATCH })
    for (const { transcriptionId, userId, headerValue } of page) {
      const plain = await decrypted(cipher, { secret: headerValue, userId })
      if (plain === null) continue
      await replaceHeader(db, { transcriptionId, headerValue: await cipher.encrypt(plain, { userId }) })
    }
    after = page.at(-1)?.transcriptionId ?? null
  } while (after !== null)
}
