import { Elysia } from 'elysia'
import { ACCOUNT, type Authenticator, BEARER, bearer, PUBLIC } from '../http/bearer.ts'
import { jsonBody } from '../http/body/json-body.ts'
import { Credentials } from '../http/credentials.ts'
import { clientAddress } from '../http/headers/client-address.ts'
import { noContent } from '../http/no-content.ts'
import { errorResponses, errorSchemas } from '../http/openapi/statuses.ts'
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
  /** Counts token requests by IP address, before their bodies are read. Throws `rate_limited`. */
  tokenRequestRate: (address: string) => Promise<unknown>
  /** The number of proxies before the service that append to `X-Forwarded-For`. */
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

type Connection = {
  request: Request
  server: { requestIP(request: Request): { address: string } | null } | null
}

/** Routes that need no access token. */
function openRoutes({ auth, tokenRequestRate, trustedProxies }: AuthRoutesServices) {
  const addressOf = ({ request, server }: Connection) =>
    clientAddress({
      headers: request.headers,
      socketAddress: server?.requestIP(request)?.address,
      trustedProxies,
    })
  /** Runs before the body is read, so that requests with an invalid body count too. */
  const before = async (connection: Connection) => {
    const address = addressOf(connection)
    if (address !== null) await tokenRequestRate(address)
  }

  return new Elysia({ tags, detail: { security: PUBLIC } })
    .post(
      '/register',
      async ({ body, set, request, server }) => {
        const address = addressOf({ request, server })
        const session = sessionOf(await auth.register({ ...body, address }))
        set.status = 201
        return session
      },
      {
        ...jsonBody(Credentials, { before }),
        response: { 201: Session, ...errorSchemas(400, 403, 409, 413, 429) },
        detail: {
          summary: 'Create an account',
          description:
            'Returns tokens, like a login. Unless registration is open, only the first account of the ' +
            'server can be created; it becomes an administrator.',
        },
      },
    )
    .post(
      '/login',
      async ({ body, request, server }) =>
        sessionOf(await auth.login({ ...body, address: addressOf({ request, server }) })),
      {
        ...jsonBody(Credentials, { before }),
        response: { 200: Session, ...errorSchemas(400, 401, 413, 429) },
        detail: { summary: 'Log in' },
      },
    )
    .post('/refresh', async ({ body }) => sessionOf(await auth.refresh(body.refresh_token)), {
      ...jsonBody(Refresh, { before }),
      response: { 200: Session, ...errorSchemas(400, 401, 413, 429) },
      detail: {
        summary: 'Refresh the tokens',
        description:
          'Exchanges a refresh token for a new access token and a new refresh token. A refresh token ' +
          'can be used once. A second use within 10 seconds returns the same new refresh token, for a ' +
          'client that lost the response. A later second use ends the session, because someone else may ' +
          'have the token.',
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
          summary: 'Log out',
          description:
            'Ends the session of the refresh token; its access tokens become invalid at once. An ' +
            'unknown refresh token is not an error.',
          responses: { 204: { description: 'The session has ended' }, ...errorResponses(400, 413, 429) },
        },
      },
    )
}

function meRoute({ auth, authenticator }: AuthRoutesServices) {
  return new Elysia({ tags, detail: { security: BEARER } })
    .use(bearer({ authenticator }))
    .get('/me', ({ userId }) => auth.me(userId), {
      response: { 200: Me, ...errorSchemas(401, 403, 429, 503) },
      detail: { summary: 'Get the account of the token or API key' },
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
          description: 'Ends all sessions except this one. API keys stay valid.',
          responses: {
            204: { description: 'The password is changed' },
            ...errorResponses(400, 401, 403, 409, 413, 429),
          },
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
          summary: 'Delete the account and all its data',
          description:
            'Deletes transcriptions, audio, API keys, webhooks and sessions, and stops running ' +
            'transcriptions.',
          responses: {
            204: { description: 'The account is deleted' },
            ...errorResponses(400, 401, 403, 413, 429),
          },
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
        response: { 201: CreatedKey, ...errorSchemas(400, 401, 403, 409, 413, 429, 503) },
        detail: {
          summary: 'Create an API key',
          description:
            'An API key does not expire. Send it like an access token: `Authorization: Bearer <key>`. ' +
            'Only this response contains it.',
        },
      },
    )
    .get('/keys', ({ userId }) => keys.list(userId), {
      response: { 200: Keys, ...errorSchemas(401, 403, 429, 503) },
      detail: { summary: 'List the API keys' },
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
          responses: {
            204: { description: 'The API key is revoked' },
            ...errorResponses(401, 403, 404, 429),
          },
        },
      },
    )
}
