import { findUser } from '../auth/users.store.ts'
import type { Database } from '../db/database.ts'
import { quoted, VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import { activityOf, listUsers, updateUser, usageByDay, usageByUser } from './admin.store.ts'

const PAGE_SIZE = 100
/** Maximum number of users that a report of usage lists. */
const MAX_USERS = 1000
const DEFAULT_DAYS = 30
const DAY_MS = 86_400_000

export type AdminService = ReturnType<typeof createAdminService>

/** The operations that only administrators may use, on all users. */
export function createAdminService({
  db,
  createAccount,
  requeue,
}: {
  db: Database
  /** Returns the new user's id. Throws `email_taken`. */
  createAccount: (credentials: { email: string; password: string }) => Promise<string>
  /** Requeues a transcription that is not completed, and returns its new status. */
  requeue: (id: string) => Promise<'queued' | 'processing' | 'completed'>
}) {
  return {
    /**
     * Lists users in pages. `next` is the `after` of the next page, null on the last page. Throws
     * `validation`.
     */
    async users({ after, email }: { after?: string; email?: string }) {
      if (after !== undefined && !isUuid(after)) {
        throw new VerbatimError('validation', 'after is invalid: pass a `next` returned by this list')
      }
      const page = await listUsers(db, { after, email: email?.trim().toLowerCase(), limit: PAGE_SIZE + 1 })
      const users = await toApi(db, page.slice(0, PAGE_SIZE))
      return { users, next: page.length > PAGE_SIZE ? (users.at(-1)?.id ?? null) : null }
    },

    /** Creates an account even if registration is closed. Throws `email_taken`. */
    async create(credentials: { email: string; password: string }) {
      const row = await findUser(db, await createAccount(credentials))
      const [user] = row ? await toApi(db, [row]) : []
      if (!user) throw new VerbatimError('not_found', 'User not found')
      return user
    },

    /** Throws `not_found`. */
    async update({ id, ...changed }: { id: string; role?: 'user' | 'admin'; priority?: number }) {
      if (Object.keys(changed).length === 0) {
        throw new VerbatimError('validation', 'Send role, priority, or both')
      }
      const row = isUuid(id) ? await updateUser(db, { id, ...changed }) : null
      const [user] = row ? await toApi(db, [row]) : []
      if (!user) throw new VerbatimError('not_found', 'User not found')
      return user
    },

    /** Sums the usage between two days (UTC, inclusive), by default the last 30 days. Throws `validation`. */
    async usage({ from = dayOf(Date.now() - (DEFAULT_DAYS - 1) * DAY_MS), to = dayOf(Date.now()) }) {
      for (const day of [from, to]) {
        if (isDay(day)) continue
        throw new VerbatimError('validation', `${quoted(day)} is not a day: send a day such as 2026-01-31`)
      }
      const days = await usageByDay(db, { from, to })
      const users = await usageByUser(db, { from, to, limit: MAX_USERS })
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

    /** Throws `not_found`, `audio_removed`, and `already_over` if the transcription is completed. */
    async requeue(id: string) {
      return { id, status: await requeue(id) }
    },
  }
}

async function toApi(db: Database, page: Awaited<ReturnType<typeof listUsers>>) {
  const { open, used } = await activityOf(
    db,
    page.map(({ id }) => id),
  )
  return page.map(({ id, email, role, priority, createdAt }) => {
    const usage = used.find(({ userId }) => userId === id)
    return {
      id,
      email,
      role,
      priority,
      created_at: createdAt.toISOString(),
      open: open.find(({ userId }) => userId === id)?.open ?? 0,
      transcriptions: usage?.transcriptions ?? 0,
      audio_seconds: usage?.audioSeconds ?? 0,
    }
  })
}

const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10)

function isDay(text: string): boolean {
  const time = Date.parse(text)
  return !Number.isNaN(time) && dayOf(time) === text
}
