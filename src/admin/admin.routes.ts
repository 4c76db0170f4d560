import { Elysia } from 'elysia'
import { ADMIN, type Authenticator, bearer } from '../http/bearer.ts'
import { jsonBody } from '../http/body/json-body.ts'
import { Credentials } from '../http/credentials.ts'
import { ErrorBody, MAY_REFUSE } from '../http/problems.ts'
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
      response: { 200: Users, 400: ErrorBody, ...MAY_REFUSE },
      detail: { summary: 'The users, with what they have under way and have had' },
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
        response: { 201: User, 400: ErrorBody, ...MAY_REFUSE, 409: ErrorBody, 413: ErrorBody },
        detail: {
          summary: 'Create an account for someone',
          description:
            'Also where registration is closed. They change the password with `/api/auth/password`.',
        },
      },
    )
    .patch('/users/:id', ({ params: { id }, body }) => admin.update({ id, ...body }), {
      ...jsonBody(UserChange),
      params: UserParams,
      response: { 200: User, 400: ErrorBody, ...MAY_REFUSE, 404: ErrorBody, 413: ErrorBody },
      detail: { summary: 'Set a user’s role or priority' },
    })
    .get('/usage', ({ query }) => admin.usage(query), {
      query: UsageQuery,
      response: { 200: Usage, 400: ErrorBody, ...MAY_REFUSE },
      detail: {
        summary: 'Audio that was transcribed, by day and by user',
        description: 'Of audio that is still being decoded, the length that its header claims.',
      },
    })
    .post('/transcriptions/:id/requeue', ({ params: { id } }) => admin.requeue(id), {
      params: TranscriptionParams,
      response: { 200: Requeued, ...MAY_REFUSE, 404: ErrorBody, 409: ErrorBody, 410: ErrorBody },
      detail: {
        summary: 'Put a transcription to work again',
        description:
          'One that has failed, was canceled, or is stuck. What is done of it stays; what runs for it is done again.',
      },
    })
}
