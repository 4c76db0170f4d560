import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import { type PollLoop, startPollLoop } from '../queue/poll-loop.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { decrypted, validAt } from './secrets.ts'
import { replaceSecrets, type StoredSecrets, secretsNotWith } from './webhooks.store.ts'

const BATCH = 100
/** Less than the hour after which operators may drop a JWT_SECRET that was replaced. */
const ROUND_MS = 15 * 60_000

/**
 * Encrypts with the first JWT_SECRET what is stored in clear or was encrypted with an older one, at the start and again and
 * again: a process that still has the older one first may have written with it.
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
    const page = await secretsNotWith(db, { prefix: cipher.prefix, after, limit: BATCH })
    for (const stored of page) if (!(await reencrypt({ db, cipher }, stored))) unreadable += 1
    after = page.at(-1)?.id ?? null
    if (after !== null) return true
    if (unreadable > logged) log(unreadableLine(unreadable))
    logged = unreadable
    unreadable = 0
    return false
  }

  const rounds = startPollLoop({
    round,
    everyMs: ROUND_MS,
    onError: (error) => log('cannot encrypt webhook secrets anew; next attempt within 15 minutes', error),
  })
  rounds.wake()
  return rounds
}

const unreadableLine = (count: number) =>
  `webhooks that cannot sign: ${count}; their secrets were encrypted with a JWT_SECRET that is missing here: add it behind the new one, or have their users create new secrets`

/** False if the webhook cannot sign. Of the secrets before, those that still count and cannot be decrypted stay as they are. */
async function reencrypt(
  { db, cipher }: { db: Database; cipher: SecretCipher },
  stored: StoredSecrets,
): Promise<boolean> {
  const again = async (secret: string) => {
    const plain = await decrypted(cipher, { secret, userId: stored.userId })
    return plain === null ? null : cipher.encrypt(plain, stored)
  }
  const secret = await again(stored.secret)
  if (secret === null) return false
  const previousSecrets = validAt(stored.previousSecrets, new Date()).map(async (previous) => ({
    ...previous,
    secret: (await again(previous.secret)) ?? previous.secret,
  }))
  await replaceSecrets(db, stored, { secret, previousSecrets: await Promise.all(previousSecrets) })
  return true
}
