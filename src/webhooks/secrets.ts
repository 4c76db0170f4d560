import { VerbatimError } from '../errors.ts'
import type { SecretCipher } from './secret-cipher.ts'

const OVERLAP_MS = 24 * 3_600_000
/** So many rotations within a day each leave time to tell the receivers. */
const MOST_PREVIOUS = 5

/** As they are stored: encrypted. */
type Secrets = {
  secret: string
  /** The latest first; `until`: when messages are no longer signed with it. */
  previousSecrets: { secret: string; until: string }[]
}

/** `next` in the place of another, with which messages are signed for a day more. */
export function rotated(
  { secret, previousSecrets }: Secrets,
  { next, now }: { next: string; now: Date },
): Secrets & { until: string } {
  const until = new Date(now.getTime() + OVERLAP_MS).toISOString()
  const previous = [{ secret, until }, ...validAt(previousSecrets, now)]
  return { secret: next, previousSecrets: previous.slice(0, MOST_PREVIOUS), until }
}

/** All that a message is signed with, the newest first. Throws `internal` if the newest cannot be decrypted. */
export async function secretsAt(
  { secret, previousSecrets, userId }: Secrets & { userId: string },
  { now, cipher }: { now: Date; cipher: SecretCipher },
): Promise<string[]> {
  const newest = await cipher.decrypt(secret, { userId })
  const previous = validAt(previousSecrets, now).map((one) => decrypted(cipher, { ...one, userId }))
  return [newest, ...(await Promise.all(previous)).filter((one) => one !== null)]
}

/** Null if none of the service's secrets has encrypted it. */
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
