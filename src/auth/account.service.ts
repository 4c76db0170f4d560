import type { Database, Transaction } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Login, PasswordLimits } from './password-limits.ts'
import type { Passwords } from './passwords.ts'
import { endSessions } from './sessions.store.ts'
import { accountGone, findUser, holdUser, removeUser, setPasswordHash, type User } from './users.store.ts'

/** The ids of a user's rows that have files in the storage. */
type OwnedIds = { transcriptions: string[]; uploads: string[] }

export type AccountServices = {
  db: Database
  passwords: Passwords
  /** Null: attempts are not counted. */
  limits: PasswordLimits | null
  /** Reads what the user owns, in the transaction that removes the user. */
  ownedIds: (tx: Transaction, userId: string) => Promise<OwnedIds>
  /** Removes the files of these rows, after the rows. */
  removeFiles: (removed: OwnedIds) => Promise<void>
  /** Called after sessions have ended. */
  clearCallerCache: () => void
}

/** Reads, changes and removes the account of a user who is logged in. */
export function createAccountService({
  db,
  passwords,
  limits,
  ownedIds,
  removeFiles,
  clearCallerCache,
}: AccountServices) {
  async function requireUser(userId: string): Promise<User> {
    const user = await findUser(db, userId)
    if (!user) throw accountGone()
    return user
  }

  async function requirePassword(
    password: string,
    { user, sessionId }: { user: User; sessionId: string | null },
  ) {
    const login = { userId: user.id, sessionId }
    await limits?.beforePassword(login)
    if (user.passwordHash === null || !(await passwords.verify(password, user.passwordHash))) {
      throw new VerbatimError('wrong_password', 'The password is wrong')
    }
    await limits?.afterPassword(login)
  }

  return {
    async me(userId: string) {
      const { id, email, role, createdAt } = await requireUser(userId)
      return { id, email, role, created_at: createdAt.toISOString() }
    },

    /** Also ends all other sessions. Throws `no_password`, `wrong_password` and `rate_limited`. */
    async changePassword({
      userId,
      sessionId,
      current,
      next,
    }: Login & { current: string; next: string }): Promise<void> {
      const user = await requireUser(userId)
      if (user.passwordHash === null) {
        throw new VerbatimError(
          'no_password',
          'This account has no password here: change it at your identity provider',
        )
      }
      await requirePassword(current, { user, sessionId })
      const nextHash = await passwords.hash(next)
      await db.transaction(async (tx) => {
        await setPasswordHash(tx, { id: userId, passwordHash: nextHash })
        await endSessions(tx, { userId, except: sessionId })
      })
      clearCallerCache()
    },

    /**
     * Removes an account with everything that it owns: its jobs stop, and its files are removed. Throws
     * `wrong_password` and `rate_limited`.
     */
    async remove({ userId, sessionId, password }: Login & { password: string | undefined }): Promise<void> {
      const user = await requireUser(userId)
      if (user.passwordHash !== null) await requirePassword(password ?? '', { user, sessionId })
      const removed = await db.transaction(async (tx) => {
        // Waits for transactions that insert an upload of this user, so that `ownedIds` sees its row.
        await holdUser(tx, { id: userId, strength: 'update' })
        const owned = await ownedIds(tx, userId)
        await removeUser(tx, userId)
        return owned
      })
      clearCallerCache()
      await removeFiles(removed)
    },
  }
}
