import type { Database } from '../db/database.ts'
import { prepareCountUp, removeCounter } from './counters.store.ts'
import { createRate } from './rate.ts'

const MINUTE = 60
/** Logins to one account are delayed from this many times `perMinute` on. */
const DELAY_FACTOR = 10
const MAX_DELAY_SECONDS = 10

/**
 * Limits password guessing. An IP address is refused after `perMinute` attempts. An account is never locked,
 * because strangers could then lock its owner out. Instead, an address is refused for an account after
 * `perMinute` failures there, and if many addresses try one account, each further attempt is delayed by a few
 * seconds.
 */
export function createSignInLimits({
  db,
  perMinute,
  sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}: {
  db: Database
  perMinute: number
  sleep?: (ms: number) => Promise<void>
}) {
  const countSignIn = createRate({
    db,
    name: 'logins',
    perMinute,
    problem: 'Too many attempts to log in or register',
  })
  const countPassword = createRate({ db, name: 'passwords', perMinute, problem: 'Too many wrong passwords' })
  const countUp = prepareCountUp(db, { windowSeconds: MINUTE })

  const atAddress = ({ email, address }: { email: string; address: string | null }) =>
    `account ${email} from ${address ?? 'an unknown address'}`
  const inSession = ({ userId, sessionId }: { userId: string; sessionId: string | null }) =>
    sessionId === null ? `user ${userId}` : `session ${sessionId}`

  return {
    /** Throws `rate_limited`. */
    async beforeRegistration({ address }: { address: string | null }): Promise<void> {
      if (address !== null) await countSignIn(`address ${address}`)
    },

    /** Throws `rate_limited`. */
    async beforeLogin(attempt: { email: string; address: string | null }): Promise<void> {
      await countSignIn(atAddress(attempt))
      if (attempt.address !== null) await countSignIn(`address ${attempt.address}`)
      const { count } = await countUp(`logins:account ${attempt.email}`)
      const excess = count - DELAY_FACTOR * perMinute
      if (excess > 0) await sleep(1000 * Math.min(Math.ceil(excess / perMinute), MAX_DELAY_SECONDS))
    },

    /** Resets the count of consecutive failures of this account at this address. */
    async afterLogin(attempt: { email: string; address: string | null }): Promise<void> {
      await removeCounter(db, `logins:${atAddress(attempt)}`)
    },

    /** For a logged-in user who must enter the password again. Throws `rate_limited`. */
    async beforePassword(login: { userId: string; sessionId: string | null }): Promise<void> {
      await countPassword(inSession(login))
    },

    async afterPassword(login: { userId: string; sessionId: string | null }): Promise<void> {
      await removeCounter(db, `passwords:${inSession(login)}`)
    },
  }
}
