import { Elysia } from 'elysia'
import { ACCOUNT, type Authenticator, BEARER, bearer, PUBLIC } from '../http/bearer.ts'
import { jsonBody } from '../http/body/json-body.ts'
import { Credentials } from '../http/credentials.ts'
import { clientAddress } from '../http/headers/client-address.ts'
import { noContent, noContentOr } from '../http/no-content.ts'
import { ErrorBody, MAY_REFUSE } from '../http/problems.ts'
import { ACCESS_TOKEN_SECONDS } from './access-tokens.ts'
import {
  CreatedKey,
  KeyParams,
  Keys,
  Me,
  NewKey,
  PasswordChange,
  Refresh,
  Removal,
  Session,
} from './auth.schemas.ts'
import type { AuthService } from './auth.service.ts'
import type { KeysService } from './keys.service.ts'
import type { Tokens } from './sessions.service.ts'

export type AuthRoutesServices = {
  auth: AuthService
  keys: KeysService
  authenticator: Authenticator
  /** Counts requests for tokens by the address that they come from, whatever is in them; throws `rate_limited`. */
  tokenRequestRate: (address: string) => Promise<unknown>
  /** Proxies before the service whose `X-Forwarded-For` is believed. */
  trustedProxies: number
}

const tags = ['Auth']

export function authRoutes(services: AuthRoutesServices) {
  return new Elysia({ prefix: '/api/auth' })
    .use(openRoutes(services))
    .use(meRoute(services))
    .use(accountRoutes(services))
    .use(keyRoutes(services))
}

const sessionOf = ({ accessToken, refreshToken }: Tokens) => ({
  access_token: accessToken,
  token_type: 'Bearer' as const,
  expires_in: ACCESS_TOKEN_SECONDS,
  refresh_token: refreshToken,
})

type Server = { requestIP(request: Request): { address: string } | null }

/** What is called without an access token, to get one. */
function openRoutes({ auth, tokenRequestRate, trustedProxies }: AuthRoutesServices) {
  const from = ({ request, server }: { request: Request; server: Server | null }) => ({
    address: clientAddress({
      headers: request.headers,
      socketAddress: server?.requestIP(request)?.address,
      trustedProxies,
    }),
  })
  /** Runs before the body is read, so that a body that is slow to check is counted too. */
  const before = async (context: { request: Request; server: Server | null }) => {
    const { address } = from(context)
    if (address !== null) await tokenRequestRate(address)
  }

  return new Elysia({ tags, detail: { security: PUBLIC } })
    .post(
      '/register',
      async ({ body, set, request, server }) => {
        const session = sessionOf(await auth.register({ ...body, ...from({ request, server }) }))
        set.status = 201
        return session
      },
      {
        ...jsonBody(Credentials, { before }),
        response: {
          201: Session,
          400: ErrorBody,
          403: ErrorBody,
          409: ErrorBody,
          413: ErrorBody,
          429: ErrorBody,
        },
        detail: {
          summary: 'Create an account',
          description:
            'Returns tokens, as a login does. Unless the server is set to let anyone register, only its first account can be created here, which becomes an administrator.',
        },
      },
    )
    .post(
      '/login',
      async ({ body, request, server }) =>
        sessionOf(await auth.login({ ...body, ...from({ request, server }) })),
      {
        ...jsonBody(Credentials, { before }),
        response: { 200: Session, 400: ErrorBody, 401: ErrorBody, 413: ErrorBody, 429: ErrorBody },
        detail: { summary: 'Get an access token' },
      },
    )
    .post('/refresh', async ({ body }) => sessionOf(await auth.refresh(body.refresh_token)), {
      ...jsonBody(Refresh, { before }),
      response: { 200: Session, 400: ErrorBody, 401: ErrorBody, 413: ErrorBody, 429: ErrorBody },
      detail: {
        summary: 'Get the next access token',
        description:
          'A refresh token can be used once. Within 10 seconds a second call returns the same next refresh token, for a client whose answer was lost. After that it ends the session, since someone else may have the token.',
      },
    })
    .post(
      '/logout',
      async ({ body }) => {
        await auth.logout(body.refresh_token)
        return noContent()
      },
      {
        ...jsonBody(Refresh, { before }),
        detail: {
          summary: 'End a session',
          description:
            'Its access token is refused from now on. A refresh token that is unknown is no error.',
          responses: noContentOr('It has ended', 400, 413, 429),
        },
      },
    )
}

function meRoute({ auth, authenticator }: AuthRoutesServices) {
  return new Elysia({ tags, detail: { security: BEARER } })
    .use(bearer({ authenticator }))
    .get('/me', ({ userId }) => auth.me(userId), {
      response: { 200: Me, ...MAY_REFUSE },
      detail: { summary: 'Whose the token or key is' },
    })
}

function accountRoutes({ auth, authenticator }: AuthRoutesServices) {
  return new Elysia({ tags, detail: { security: ACCOUNT } })
    .use(bearer({ authenticator, needs: 'account' }))
    .post(
      '/password',
      async ({ body, userId, caller: { sessionId } }) => {
        await auth.changePassword({
          userId,
          sessionId,
          current: body.current_password,
          next: body.new_password,
        })
        return noContent()
      },
      {
        ...jsonBody(PasswordChange),
        detail: {
          summary: 'Change the password',
          description: 'Ends all sessions but this one. API keys stay.',
          responses: noContentOr('It is changed', 400, 401, 403, 409, 413, 429),
        },
      },
    )
    .delete(
      '/me',
      async ({ body: { password }, userId, caller: { sessionId } }) => {
        await auth.remove({ userId, sessionId, password })
        return noContent()
      },
      {
        ...jsonBody(Removal),
        detail: {
          summary: 'Delete the account with all its data',
          description:
            'Transcriptions, audio, keys and sessions: nothing stays, and what is being transcribed stops.',
          responses: noContentOr('It is gone', 400, 401, 403, 413, 429),
        },
      },
    )
}

function keyRoutes({ keys, authenticator }: AuthRoutesServices) {
  return new Elysia({ tags, detail: { security: ACCOUNT } })
    .use(bearer({ authenticator, needs: 'account' }))
    .post(
      '/keys',
      async ({ body, userId, set }) => {
        const key = await keys.create({ userId, ...body })
        set.status = 201
        return key
      },
      {
        ...jsonBody(NewKey),
        response: { 201: CreatedKey, 400: ErrorBody, ...MAY_REFUSE, 409: ErrorBody, 413: ErrorBody },
        detail: {
          summary: 'Make an API key',
          description:
            'For programs: it does not expire, and is sent as an access token is. It is told once.',
        },
      },
    )
    .get('/keys', ({ userId }) => keys.list(userId), {
      response: { 200: Keys, ...MAY_REFUSE },
      detail: { summary: 'The API keys' },
    })
    .delete(
      '/keys/:id',
      async ({ params: { id }, userId }) => {
        await keys.revoke({ id, userId })
        return noContent()
      },
      {
        params: KeyParams,
        detail: {
          summary: 'Revoke an API key',
          responses: noContentOr('It opens nothing any more', 401, 403, 404, 429),
        },
      },
    )
}
