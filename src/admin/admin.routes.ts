import { Elysia } from 'elysia'
import { ADMIN, type Authenticator, bearer } from '../http/bearer.ts'
import { jsonBody } from '../http/body/json-body.ts'
import { Credentials } from '../http/credentials.ts'
import { errorSchemas } from '../http/openapi/statuses.ts'
import {
  Requeued,
  TranscriptionParams,
  Usage,
  UsageQuery,
  User,
  UserChange,
  UserParams,
  Users,
  UsersQuery,
} from './admin.schemas.ts'
import type { AdminService } from './admin.service.ts'

export type AdminRoutesServices = { admin: AdminService; authenticator: Authenticator }

export function adminRoutes({ admin, authenticator }: AdminRoutesServices) {
  return new Elysia({ prefix: '/api/admin', tags: ['Administration'], detail: { security: ADMIN } })
    .use(bearer({ authenticator, needs: 'admin' }))
    .get('/users', ({ query }) => admin.users(query), {
      query: UsersQuery,
      response: { 200: Users, ...errorSchemas(400, 401, 403, 429, 503) },
      detail: { summary: 'List users with their open transcriptions and their usage' },
    })
    .post(
      '/users',
      async ({ body, set }) => {
        const user = await admin.create(body)
        set.status = 201
        return user
      },
      {
        ...jsonBody(Credentials),
        response: { 201: User, ...errorSchemas(400, 401, 403, 409, 413, 429, 503) },
        detail: {
          summary: 'Create an account for someone',
          description:
            'Works while registration is closed, too. The user changes the password with `/api/auth/password`.',
        },
      },
    )
    .patch('/users/:id', ({ params: { id }, body }) => admin.update({ id, ...body }), {
      ...jsonBody(UserChange),
      params: UserParams,
      response: { 200: User, ...errorSchemas(400, 401, 403, 404, 413, 429, 503) },
      detail: { summary: 'Set a user’s role or priority' },
    })
    .get('/usage', ({ query }) => admin.usage(query), {
      query: UsageQuery,
      response: { 200: Usage, ...errorSchemas(400, 401, 403, 429, 503) },
      detail: {
        summary: 'Get the transcribed audio by day and by user',
        description: 'Audio that is still being decoded counts with the length that its header claims.',
      },
    })
    .post('/transcriptions/:id/requeue', ({ params: { id } }) => admin.requeue(id), {
      params: TranscriptionParams,
      response: { 200: Requeued, ...errorSchemas(401, 403, 404, 409, 410, 429, 503) },
      detail: {
        summary: 'Requeue a transcription',
        description:
          'For a transcription that failed, was canceled, or is stuck. Finished spans are kept; running spans start again.',
      },
    })
}
