import { newSecret } from './signature.ts'

const OVERLAP_MS = 24 * 3_600_000
/** So many rotations within a day each leave time to tell the receivers. */
const MOST_PREVIOUS = 5

type Secrets = {
  secret: string
  /** The latest first; `until`: when messages are no longer signed with it. */
  previousSecrets: { secret: string; until: string }[]
}

/** A new secret in the place of another, with which messages are signed for a day more. */
export function rotated({ secret, previousSecrets }: Secrets, now: Date): Secrets & { until: string } {
  const until = new Date(now.getTime() + OVERLAP_MS).toISOString()
  const previous = [{ secret, until }, ...previousSecrets.filter(isValidAt(now))]
  return { secret: newSecret(), previousSecrets: previous.slice(0, MOST_PREVIOUS), until }
}

/** All that a message is signed with, the newest first. */
export function secretsAt({ secret, previousSecrets }: Secrets, now: Date): string[] {
  return [secret, ...previousSecrets.filter(isValidAt(now)).map((previous) => previous.secret)]
}

const isValidAt =
  (now: Date) =>
  ({ until }: { until: string }) =>
    now < new Date(until)
