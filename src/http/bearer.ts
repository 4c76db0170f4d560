import { Elysia } from 'elysia'
import type { Caller, Scope } from '../caller.ts'
import { type Quota, VerbatimError } from '../errors.ts'
import { rateLimitHeaders } from './headers/rate-limit.ts'

export type Authenticator = {
  /**
   * Returns the caller that a bearer token belongs to. `afresh` bypasses the cache of callers. Throws
   * `unauthorized` and `rate_limited`.
   */
  authenticate(
    token: string,
    options: { afresh: boolean },
  ): Promise<
    Caller & {
      /** The remaining requests of the user; null if they are unlimited. */
      quota: Quota | null
    }
  >
  /**
   * Returns a signal that aborts with an `unauthorized` error when the token becomes invalid before `until`
   * aborts.
   */
  watch(credential: { token: string; userId: string }, until: AbortSignal): AbortSignal
}

/**
 * For a long response that ends with `until`: a signal that aborts when the caller's credential becomes
 * invalid.
 */
export type WatchCredential = (until: AbortSignal) => AbortSignal

type BearerOptions = {
  authenticator: Authenticator
  needs?: 'account' | 'admin'
  takesKnown?: boolean
  schemes?: string[]
}

/**
 * Requires a valid access token or API key with the scope `needs`, before the body is read. By default, GET
 * and HEAD need `read` and all other methods `write`. Adds `userId`, `caller` and `watchCredential` to the
 * routes' context. With `takesKnown`, requests that only read may use a cached caller. `schemes`: the accepted
 * schemes of `Authorization`, in lower case; the empty scheme accepts a token without a scheme.
 *
 * Example: `new Elysia().use(bearer({ authenticator })).get('/things', ({ userId }) => list(userId))`
 */
export function bearer(options: BearerOptions) {
  return new Elysia().derive({ as: 'scoped' }, async ({ request, set }) =>
    authorize(options, { request, set }),
  )
}

export type AuthorizeContext = {
  request: Request
  /** Receives the headers of the user's quota. */
  set: { headers: Record<string, string | number> }
}

/** As `bearer`, for the handler of a route that also accepts another credential. */
export async function authorize(
  { authenticator, needs, takesKnown = false, schemes = ['bearer'] }: BearerOptions,
  { request, set }: AuthorizeContext,
) {
  const { scheme, token } = credentialsIn(request.headers.get('authorization') ?? '')
  if (!schemes.includes(scheme) || !token) {
    throw new VerbatimError(
      'unauthorized',
      'The access token or API key is missing: send Authorization: Bearer <token>',
    )
  }
  const scope = needs ?? scopeOf(request.method)
  const caller = await authenticator.authenticate(token, { afresh: !takesKnown || scope !== 'read' })
  if (caller.quota) Object.assign(set.headers, rateLimitHeaders(caller.quota))
  if (!caller.scopes.includes(scope)) throw new VerbatimError('insufficient_scope', MISSING_SCOPE[scope])
  const { userId } = caller
  const watchCredential: WatchCredential = (until) => authenticator.watch({ token, userId }, until)
  return { userId, caller, watchCredential }
}

/** The scheme is empty if the header has only a token. */
function credentialsIn(authorization: string): { scheme: string; token: string } {
  const [first = '', token] = authorization.split(' ')
  return token === undefined ? { scheme: '', token: first } : { scheme: first.toLowerCase(), token }
}

const scopeOf = (method: string) => (method === 'GET' || method === 'HEAD' ? 'read' : 'write')

const MISSING_SCOPE: Record<Scope, string> = {
  read: 'This API key cannot read: it lacks the `read` scope',
  write: 'This API key is read-only: it lacks the `write` scope',
  account: 'An API key cannot manage the account or its keys: log in and send an access token',
  admin: 'Only an administrator can do this: send an administrator’s access token',
}

/**
 * The `security` of a route in the OpenAPI document: no token, any token, any token or a signed link, or a
 * token with the scope `account` or `admin`.
 */
export const PUBLIC = []
export const BEARER = [{ bearer: [] }]
export const BEARER_OR_LINK = [{ bearer: [] }, {}]
export const ACCOUNT = [{ bearer: ['account'] }]
export const ADMIN = [{ bearer: ['admin'] }]
