import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import { markKeyUsed, prepareFindKey } from './keys.store.ts'
import { hashOf, KEY_PREFIX } from './opaque-tokens.ts'
import { prepareFindCaller } from './sessions.store.ts'

/** Reads the access tokens that this service signs; null for any other. */
export type AccessTokenReader = {
  verify(token: string): Promise<{ sub: string; sid?: string | undefined } | null>
}

const USED_AGAIN_MS = 60_000

/**
 * Tells who a bearer token is of: an access token's user, for as long as the account and the session are there, or an
 * API key's. Throws `unauthorized`.
 */
export function createGate({ db, accessTokens }: { db: Database; accessTokens: AccessTokenReader }) {
  const findCaller = prepareFindCaller(db)
  const findKey = prepareFindKey(db)

  async function ofKey(token: string) {
    const key = await findKey(await hashOf(token))
    if (!key) throw unauthorized('The API key is not valid: it may have been revoked')
    if (Date.now() - (key.lastUsedAt?.getTime() ?? 0) > USED_AGAIN_MS) await markKeyUsed(db, key.id)
    return { userId: key.userId, scopes: key.scopes, sessionId: null }
  }

  async function ofAccessToken(token: string) {
    const { sub, sid } = (await accessTokens.verify(token)) ?? {}
    const ids = { userId: sub ?? '', sessionId: sid ?? null }
    if (!isUuid(ids.userId) || (ids.sessionId !== null && !isUuid(ids.sessionId))) throw unauthorized(EXPIRED)
    const caller = await findCaller(ids)
    if (!caller || caller.sessionId !== ids.sessionId) {
      throw unauthorized('The access token is of an account or a session that has ended: log in again')
    }
    const { userId, sessionId, role } = caller
    return { userId, scopes: role === 'admin' ? ADMIN : USER, sessionId }
  }

  return {
    admit: (token: string) => (token.startsWith(KEY_PREFIX) ? ofKey(token) : ofAccessToken(token)),
  }
}

const EXPIRED = 'The access token is not valid or has expired: log in again'

const USER = ['read', 'write', 'account'] as const
const ADMIN = [...USER, 'admin'] as const

const unauthorized = (sentence: string) => new VerbatimError('unauthorized', sentence)
