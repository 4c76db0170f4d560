import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import { type ApiKey, countKeys, insertKey, type KeyScope, listKeys, removeKey } from './keys.store.ts'
import { hashOf, newKey } from './opaque-tokens.ts'
import { withUserLock } from './users.store.ts'

/** A user's at a time. */
const MAX_KEYS = 100
/** Of a key, enough to tell it from others and too little to guess the rest. */
const HINT_LENGTH = 9

export type KeysService = ReturnType<typeof createKeysService>

/** The keys that programs of a user's log in with. A key is told once, and kept as its hash. */
export function createKeysService({
  db,
  forgetCallers,
}: {
  db: Database
  /** Called when a key was revoked. */
  forgetCallers: () => void
}) {
  return {
    /** Throws `too_many_keys`. */
    async create({ userId, name, scopes }: { userId: string; name: string; scopes: KeyScope[] }) {
      const key = newKey()
      const hash = await hashOf(key)
      const hint = key.slice(0, HINT_LENGTH)
      const row = await withUserLock(db, userId, async (tx) => {
        if ((await countKeys(tx, userId)) >= MAX_KEYS) {
          throw new VerbatimError('too_many_keys', `You have ${MAX_KEYS} API keys: revoke one first`)
        }
        return insertKey(tx, { userId, name, scopes, hash, hint })
      })
      return { ...told(row), key }
    },

    async list(userId: string) {
      return { keys: (await listKeys(db, userId)).map(told) }
    },

    /** From now on the key opens nothing. Throws `not_found`. */
    async revoke({ id, userId }: { id: string; userId: string }): Promise<void> {
      if (!isUuid(id) || !(await removeKey(db, { id, userId }))) {
        throw new VerbatimError('not_found', 'API key not found')
      }
      forgetCallers()
    },
  }
}

function told({ id, name, hint, scopes, createdAt, lastUsedAt }: ApiKey) {
  return {
    id,
    name,
    hint,
    scopes,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  }
}
