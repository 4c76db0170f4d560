import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import { type ApiKey, countKeys, insertKey, type KeyScope, listKeys, removeKey } from './keys.store.ts'
import { hashOf, newKey } from './opaque-tokens.ts'
import { withUserLock } from './users.store.ts'

/** The maximum for each user. */
const MAX_KEYS = 100
/** Characters: enough to recognise a key, too few to guess the rest. */
const HINT_LENGTH = 9

export type KeysService = ReturnType<typeof createKeysService>

/** API keys, with which programs of a user authenticate. Only the hash of a key is stored. */
export function createKeysService({
  db,
  clearCallerCache,
}: {
  db: Database
  /** Called after a key was revoked. */
  clearCallerCache: () => void
}) {
  return {
    /** Returns the key itself, which cannot be read again. Throws `too_many_keys`. */
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
      return { ...toApi(row), key }
    },

    async list(userId: string) {
      return { keys: (await listKeys(db, userId)).map(toApi) }
    },

    /** Throws `not_found`. */
    async revoke({ id, userId }: { id: string; userId: string }): Promise<void> {
      if (!isUuid(id) || !(await removeKey(db, { id, userId }))) {
        throw new VerbatimError('not_found', 'API key not found')
      }
      clearCallerCache()
    },
  }
}

function toApi({ id, name, hint, scopes, createdAt, lastUsedAt }: ApiKey) {
  return {
    id,
    name,
    hint,
    scopes,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  }
}
