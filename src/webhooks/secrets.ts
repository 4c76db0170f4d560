import { VerbatimError } from '../errors.ts'
import type { SecretCipher } from './secret-cipher.ts'

const OVERLAP_MS = 24 * 3_600_000
/** More rotations within the overlap drop the oldest secret early. */
const MAX_PREVIOUS = 5

/** In the stored, encrypted form. */
type Secrets = {
  secret: string
  /** The latest first; `until`: the end of its validity, ISO 8601. */
  previousSecrets: { secret: string; until: string }[]
}

/** Makes `next` the current secret. The replaced one stays valid for 24 hours. */
export function rotated(
  { secret, previousSecrets }: Secrets,
  { next, now }: { next: string; now: Date },
): Secrets & { until: string } {
  const until = new Date(now.getTime() + OVERLAP_MS).toISOString()
  const previous = [{ secret, until }, ...validAt(previousSecrets, now)]
  return { secret: next, previousSecrets: previous.slice(0, MAX_PREVIOUS), until }
}

/** The secrets that sign a message, the newest first. Throws `internal` if the newest cannot be decrypted. */
export async function secretsAt(
  { secret, previousSecrets, userId }: Secrets & { userId: string },
  { now, cipher }: { now: Date; cipher: SecretCipher },
): Promise<string[]> {
  const newest = await cipher.decrypt(secret, { userId })
  const previous = validAt(previousSecrets, now).map(({ secret }) => decrypted(cipher, { secret, userId }))
  return [newest, ...(await Promise.all(previous)).filter((plain) => plain !== null)]
}

/** Null if no secret of the service can decrypt it. */
export async function decrypted(
  cipher: SecretCipher,
  { secret, userId }: { secret: string; userId: string },
): Promise<string | null> {
  try {
    return await cipher.decrypt(secret, { userId })
  } catch (error) {
    if (error instanceof VerbatimError) return null
    throw error
  }
}

export function validAt<T extends { until: string }>(previous: T[], now: Date): T[] {
  return previous.filter(({ until }) => now < new Date(until))
}
