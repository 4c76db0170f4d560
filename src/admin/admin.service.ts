import { findUser } from '../auth/users.store.ts'
import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import { activityOf, listUsers, updateUser, usageByDay, usageByUser } from './admin.store.ts'

const PAGE = 100
/** Of users in a table of usage. */
const MOST_USERS = 1000
const DAYS = 30
const DAY_MS = 86_400_000

export type AdminService = ReturnType<typeof createAdminService>

/** What administrators see and set, of all users. */
export function createAdminService({
  db,
  createAccount,
  requeue,
}: {
  db: Database
  /** Returns the new user's id. Throws `email_taken`. */
  createAccount: (credentials: { email: string; password: string }) => Promise<string>
  /** Puts a transcription that is not completed to work again; gives its status. */
  requeue: (id: string) => Promise<'queued' | 'processing' | 'completed'>
}) {
  async function told(page: Awaited<ReturnType<typeof listUsers>>) {
    const { open, used } = await activityOf(
      db,
      page.map(({ id }) => id),
    )
    return page.map(({ id, email, role, priority, createdAt }) => {
      const own = used.find(({ userId }) => userId === id)
      return {
        id,
        email,
        role,
        priority,
        created_at: createdAt.toISOString(),
        open: open.find(({ userId }) => userId === id)?.open ?? 0,
        transcriptions: own?.transcriptions ?? 0,
        audio_seconds: own?.audioSeconds ?? 0,
      }
    })
  }

  return {
    /** Page by page; `next` is the `after` of the next one, null at the end. Throws `validation`. */
    async users({ after, email }: { after?: string; email?: string }) {
      if (after !== undefined && !isUuid(after)) {
        throw new VerbatimError('validation', 'after is none that this list gave as next')
      }
      const page = await listUsers(db, { after, email: email?.trim().toLowerCase(), limit: PAGE + 1 })
      const users = await told(page.slice(0, PAGE))
      return { users, next: page.length > PAGE ? (users.at(-1)?.id ?? null) : null }
    },

    /** Creates an account, also where registration is closed. Throws `email_taken`. */
    async create(credentials: { email: string; password: string }) {
      const row = await findUser(db, await createAccount(credentials))
      const [user] = row ? await told([row]) : []
      if (!user) throw new VerbatimError('not_found', 'User not found')
      return user
    },

    /** Throws `not_found`. */
    async update({ id, ...changed }: { id: string; role?: 'user' | 'admin'; priority?: number }) {
      if (Object.keys(changed).length === 0) {
        throw new VerbatimError('validation', 'Send role, priority, or both')
      }
      const row = isUuid(id) ? await updateUser(db, { id, ...changed }) : null
      const [user] = row ? await told([row]) : []
      if (!user) throw new VerbatimError('not_found', 'User not found')
      return user
    },

    /** Of the days (UTC) from one to another, the last thirty unless said otherwise. Throws `validation`. */
    async usage({ from = dayOf(Date.now() - (DAYS - 1) * DAY_MS), to = dayOf(Date.now()) }) {
      for (const day of [from, to]) {
        if (!isDay(day))
          throw new VerbatimError('validation', `${day} is no day; a day is written 2026-01-31`)
      }
      const [days, users] = [
        await usageByDay(db, { from, to }),
        await usageByUser(db, { from, to, limit: MOST_USERS }),
      ]
      return {
        from,
        to,
        days: days.map(({ audioSeconds, ...day }) => ({ ...day, audio_seconds: audioSeconds })),
        users: users.map(({ userId, audioSeconds, ...user }) => ({
          id: userId,
          ...user,
          audio_seconds: audioSeconds,
        })),
      }
    },

    /** Throws `not_found`, `already_over` where it is completed, and `audio_removed`. */
    async requeue(id: string) {
      return { id, status: await requeue(id) }
    },
  }
}

const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10)

function isDay(text: string): boolean {
  const time = Date.parse(text)
  return !Number.isNaN(time) && dayOf(time) === text
}
