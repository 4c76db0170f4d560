import type { Database } from '../db/database.ts'
import { prepareCountUp, removeCounter } from './counters.store.ts'
import { createRate } from './rate.ts'

const MINUTE = 60
/** An account that was tried this many times as often as one address may try is slowed down. */
const SLOW_FROM = 10
const LONGEST_DELAY_SECONDS = 10

/**
 * Limits guesses of passwords. An address is refused after `perMinute` attempts. An account is never refused as such, or
 * strangers could lock its owner out: an attempt is refused only at the address that failed `perMinute` times at this account,
 * and when many addresses try an account, each further attempt waits for a few seconds before it is checked.
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
    sentence: 'Too many attempts to log in or register',
  })
  const countPassword = createRate({ db, name: 'passwords', perMinute, sentence: 'Too many wrong passwords' })
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
    async beforeLogin(who: { email: string; address: string | null }): Promise<void> {
      await countSignIn(atAddress(who))
      if (who.address !== null) await countSignIn(`address ${who.address}`)
      const { count } = await countUp(`logins:account ${who.email}`)
      const excess = count - SLOW_FROM * perMinute
      if (excess > 0) await sleep(1000 * Math.min(Math.ceil(excess / perMinute), LONGEST_DELAY_SECONDS))
    },

    /** Of an account at an address, only failed attempts in a row count. */
    async afterLogin(who: { email: string; address: string | null }): Promise<void> {
      await removeCounter(db, `logins:${atAddress(who)}`)
    },

    /** Before someone who is logged in proves that they know the password. Throws `rate_limited`. */
    async beforePassword(who: { userId: string; sessionId: string | null }): Promise<void> {
      await countPassword(inSession(who))
    },

    async afterPassword(who: { userId: string; sessionId: string | null }): Promise<void> {
      await removeCounter(db, `passwords:${inSession(who)}`)
    },
  }
}
