import { t } from 'elysia'
import { newPassword } from '../http/credentials.ts'
import { nullable } from '../http/schema.ts'
import { ACCESS_TOKEN_SECONDS } from './access-tokens.ts'

const ID = '7b5fa1c2-4b5e-4c56-9d5a-0d7a2f3f6a11'
const TIME = '2026-01-01T12:00:00Z'

const password = t.String({ maxLength: 1024 })

export const Session = t.Object(
  {
    access_token: t.String({ description: 'Send it as `Authorization: Bearer <access_token>`' }),
    token_type: t.Literal('Bearer'),
    // With `t.Integer` the OpenAPI document would also allow a string.
    expires_in: t.Number({ multipleOf: 1, description: 'Seconds until the access token expires' }),
    refresh_token: t.String({
      description: 'Valid for one call of `/api/auth/refresh` within 30 days, which returns the next one',
    }),
  },
  {
    examples: [
      {
        access_token: 'eyJhbGciOiJIUzI1NiIsImtpZCI6IjRmMjA…',
        token_type: 'Bearer',
        expires_in: ACCESS_TOKEN_SECONDS,
        refresh_token: 'vr_5n3Yb1nXo0…',
      },
    ],
  },
)

export const Refresh = t.Object(
  { refresh_token: t.String({ minLength: 1, maxLength: 2048 }) },
  { examples: [{ refresh_token: 'vr_5n3Yb1nXo0…' }] },
)

export const Me = t.Object(
  {
    id: t.String({ format: 'uuid' }),
    email: nullable(t.String()),
    role: t.UnionEnum(['user', 'admin']),
    created_at: t.String({ format: 'date-time' }),
  },
  { examples: [{ id: ID, email: 'ada@example.com', role: 'user', created_at: TIME }] },
)

export const PasswordChange = t.Object(
  { current_password: password, new_password: newPassword },
  { examples: [{ current_password: 'correct horse battery', new_password: 'a better horse battery' }] },
)

export const Removal = t.Object(
  {
    password: t.Optional(
      t.String({ maxLength: 1024, description: 'Required if the account has a password' }),
    ),
  },
  { examples: [{ password: 'correct horse battery' }] },
)

export const NewKey = t.Object(
  {
    name: t.String({
      minLength: 1,
      maxLength: 100,
      pattern: '^[^\\u0000]*$',
      description: 'A name to recognise the API key by',
    }),
    scopes: t.Array(t.UnionEnum(['read', 'write']), {
      minItems: 1,
      maxItems: 2,
      uniqueItems: true,
      description:
        '`read`: GET requests. `write`: all other requests, except those of the account and its API keys',
    }),
  },
  { examples: [{ name: 'nightly import', scopes: ['read', 'write'] }] },
)

const key = {
  id: t.String({ format: 'uuid' }),
  name: t.String(),
  hint: t.String({ description: 'The first characters of the API key' }),
  scopes: t.Array(t.UnionEnum(['read', 'write'])),
  created_at: t.String({ format: 'date-time' }),
  last_used_at: nullable(t.String({ format: 'date-time', description: 'Accurate to a minute' })),
}

const exampleKey = {
  id: ID,
  name: 'nightly import',
  hint: 'vk_Qm3xT9',
  scopes: ['read', 'write'],
  created_at: TIME,
  last_used_at: null,
}

export const Keys = t.Object({ keys: t.Array(t.Object(key)) }, { examples: [{ keys: [exampleKey] }] })

export const CreatedKey = t.Object(
  { ...key, key: t.String({ description: 'The API key. It cannot be read again' }) },
  { examples: [{ ...exampleKey, key: 'vk_Qm3xT9…' }] },
)

export const KeyParams = t.Object({ id: t.String({ description: 'The id of the API key', examples: [ID] }) })
