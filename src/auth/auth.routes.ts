import { Elysia, t } from 'elysia'
import { readJson } from '../http/json-body.ts'
import { Problem } from '../http/problems.ts'
import { ACCESS_TOKEN_SECONDS, tokens } from '../http/tokens.ts'
import type { AuthService } from './auth.service.ts'

const Credentials = t.Object(
  {
    email: t.String({ format: 'email', maxLength: 254 }),
    password: t.String({ minLength: 8, maxLength: 1024, description: 'At least 8 characters' }),
  },
  { examples: [{ email: 'ada@example.com', password: 'correct horse battery' }] },
)

const Access = t.Object({
  access_token: t.String({ description: 'Send it as `Authorization: Bearer <access_token>`' }),
  token_type: t.Literal('Bearer'),
  // `t.Integer` would tell the document that it may be a string.
  expires_in: t.Number({ multipleOf: 1, description: 'Seconds', examples: [ACCESS_TOKEN_SECONDS] }),
})

// `json` is what the document says; the function before it parses.
const JSON_BODY = [readJson, 'json' as const]

export function authRoutes({ auth, secret }: { auth: AuthService; secret: string }) {
  const accessFor = (access_token: string) => ({
    access_token,
    token_type: 'Bearer' as const,
    expires_in: ACCESS_TOKEN_SECONDS,
  })

  return new Elysia({ prefix: '/api/auth', tags: ['Auth'] })
    .use(tokens({ secret }))
    .post(
      '/register',
      async ({ body, tokens, set }) => {
        const access = accessFor(await tokens.sign({ sub: await auth.register(body) }))
        set.status = 201
        return access
      },
      {
        parse: JSON_BODY,
        body: Credentials,
        response: { 201: Access, 400: Problem, 403: Problem, 409: Problem, 413: Problem },
        detail: {
          summary: 'Create an account',
          description: 'Answers with an access token, as a login does.',
        },
      },
    )
    .post(
      '/login',
      async ({ body, tokens }) => accessFor(await tokens.sign({ sub: await auth.login(body) })),
      {
        parse: JSON_BODY,
        body: Credentials,
        response: { 200: Access, 400: Problem, 401: Problem, 413: Problem },
        detail: { summary: 'Get an access token' },
      },
    )
}
