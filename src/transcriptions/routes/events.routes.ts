import { Elysia } from 'elysia'
import { BEARER, bearer } from '../../http/bearer.ts'
import { errorBodyOf } from '../../http/problems.ts'
import { eventStream, whileValid } from '../../http/sse.ts'
import type { Log } from '../../log.ts'
import { eventsDetail, IdParams } from '../transcriptions.schemas.ts'
import type { StatusRoutesServices } from './status.routes.ts'

export type EventsRoutesServices = StatusRoutesServices & { log: Log }

export function eventsRoutes({ transcriptions, authenticator, stopping, log }: EventsRoutesServices) {
  return new Elysia({ tags: ['Transcriptions'], detail: { security: BEARER } })
    .use(bearer({ authenticator, takesKnown: true }))
    .get(
      '/transcriptions/:id/events',
      async ({ params: { id }, request, userId, server, watchCredential }) => {
        server?.timeout(request, 0)
        const closed = new AbortController()
        const close = () => closed.abort()
        const end = AbortSignal.any([closed.signal, request.signal, stopping])
        const credential = watchCredential(end)
        const signal = AbortSignal.any([end, credential])
        const after = Number(request.headers.get('last-event-id') ?? 0) || 0
        const events = await transcriptions.events({ id, userId, after, signal }).catch((error) => {
          close()
          throw error
        })
        return eventStream({
          events: whileValid(events, { credential, done: close }),
          left: close,
          problem: (error) => errorBodyOf(error, log),
        })
      },
      { params: IdParams, detail: eventsDetail },
    )
}
