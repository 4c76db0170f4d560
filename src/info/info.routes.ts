import { Elysia } from 'elysia'
import { PUBLIC } from '../http/bearer.ts'
import { errorSchemas } from '../http/openapi/statuses.ts'
import { Info } from './info.schemas.ts'

export type InfoRoutesServices = { info: () => Promise<typeof Info.static> }

/** What a client needs before it can log in or offer an upload. */
export function infoRoutes({ info }: InfoRoutesServices) {
  return new Elysia({ prefix: '/api', tags: ['Operations'], detail: { security: PUBLIC } }).get(
    '/info',
    () => info(),
    {
      response: { 200: Info, ...errorSchemas(503) },
      detail: {
        summary: 'Get what this server offers',
        description: 'For clients that show a form to log in or to upload. Takes no token.',
      },
    },
  )
}
