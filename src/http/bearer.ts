import { Elysia } from 'elysia'
import type { Caller, Scope } from '../caller.ts'
import { type Quota, VerbatimError } from '../errors.ts'
import { rateLimitHeaders } from './headers/rate-limit.ts'

export type Authenticator = {
  /** Tells who a bearer token is of; `afresh`: not as it was a moment ago. Throws `unauthorized` and `rate_limited`. */
  authenticate(
    token: string,
    how: { afresh: boolean },
  ): Promise<
    Caller & {
      /** The remaining requests of the user; null if they are unlimited. */
      quota: Quota | null
    }
  >
  /** Fires with the `unauthorized` error when the token stops being valid, before `until` does. */
  watch(credential: { token: string; userId: string }, until: AbortSignal): AbortSignal
}

/** For an answer that goes on until `until` fires: a signal that fires when the caller's credential stops being valid. */
export type WatchCredential = (until: AbortSignal) => AbortSignal

/**
 * Lets only requests with a valid token or API key through that may do what the route `needs`, before their bodies are
 * looked at; gives the routes `userId`, `caller` and `watchCredential`. Without `needs`, GET and HEAD take `read`, all others `write`. With
 * `takesKnown`, what only reads is let through as the token was good for a moment ago.
 *
 * `new Elysia({ detail: { security: BEARER } }).use(bearer({ authenticator })).get('/things', ({ userId }) => …)`
 */
export function bearer({
  authenticator,
  needs,
  takesKnown = false,
}: {
  authenticator: Authenticator
  needs?: 'account' | 'admin'
  takesKnown?: boolean
}) {
  return new Elysia().derive({ as: 'scoped' }, async ({ headers, request, set }) => {
    const [scheme, token] = headers.authorization?.split(' ') ?? []
    if (scheme?.toLowerCase() !== 'bearer' || !token) {
      throw new VerbatimError(
        'unauthorized',
        'Send an access token or API key: Authorization: Bearer <token>',
      )
    }
    const scope = needs ?? scopeOf(request.method)
    const caller = await authenticator.authenticate(token, { afresh: !takesKnown || scope !== 'read' })
    if (caller.quota) Object.assign(set.headers, rateLimitHeaders(caller.quota))
    if (!caller.scopes.includes(scope)) throw new VerbatimError('insufficient_scope', REFUSALS[scope])
    const { userId } = caller
    const watchCredential: WatchCredential = (until) => authenticator.watch({ token, userId }, until)
    return { userId, caller, watchCredential }
  })
}

const scopeOf = (method: string) => (method === 'GET' || method === 'HEAD' ? 'read' : 'write')

const REFUSALS: Record<Scope, string> = {
  read: 'This API key may not read: it was made without the scope read',
  write: 'This API key may read alone: it was made without the scope write',
  account: 'An API key may not manage the account or its keys: log in, and send an access token',
  admin: 'Only an administrator who has logged in may do this',
}

/** For the document, where each route says it: no token, one of any kind (`needs` left out), or more than that. */
export const PUBLIC = []
export const BEARER = [{ bearer: [] }]
export const ACCOUNT = [{ bearer: ['account'] }]
export const ADMIN = [{ bearer: ['admin'] }]
