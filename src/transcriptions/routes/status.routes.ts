import { Elysia } from 'elysia'
import { type Authenticator, BEARER, bearer, type WatchCredential } from '../../http/bearer.ts'
import { waitIn } from '../../http/headers/prefer.ts'
import { parseTime } from '../../http/headers/times.ts'
import { errorSchemas } from '../../http/openapi/statuses.ts'
import { parseLanguage } from '../intake/requested-language.ts'
import {
  cancelDetail,
  deleteDetail,
  IdParams,
  List,
  ListQuery,
  listDetail,
  Status,
  statusDetail,
} from '../transcriptions.schemas.ts'
import type { TranscriptionsService } from '../transcriptions.service.ts'

export type StatusRoutesServices = {
  transcriptions: TranscriptionsService
  authenticator: Authenticator
  /** Fires when the service stops: delayed responses and streams end. */
  stopping: AbortSignal
}

const DEFAULT_PAGE_SIZE = 20

type Context = {
  request: Request
  set: { headers: Record<string, string | number> }
  watchCredential: WatchCredential
}

/**
 * If the client sent `Prefer: wait` (RFC 7240): how long to delay the response. `until` fires when the time
 * is up, the client leaves, the service stops or the credential stops being valid; `credential` fires in the
 * last case only.
 */
export function preferredWait({ request, set, watchCredential }: Context, stopping: AbortSignal) {
  const seconds = waitIn(request.headers)
  if (seconds === null) return null
  set.headers['preference-applied'] = `wait=${seconds}`
  const done = new AbortController()
  const end = AbortSignal.any([AbortSignal.timeout(seconds * 1000), request.signal, stopping, done.signal])
  const credential = watchCredential(end)
  const until = AbortSignal.any([end, credential])
  return { until, credential, [Symbol.dispose]: () => done.abort() }
}

export function statusRoutes({ transcriptions, authenticator, stopping }: StatusRoutesServices) {
  return new Elysia({ tags: ['Transcriptions'], detail: { security: BEARER } })
    .use(bearer({ authenticator, takesKnown: true }))
    .get('/transcriptions', ({ query, userId }) => transcriptions.list({ userId, ...filterOf(query) }), {
      query: ListQuery,
      response: { 200: List, ...errorSchemas(400, 401, 403, 429, 503) },
      detail: listDetail,
    })
    .get(
      '/transcriptions/:id',
      async (context) => {
        const {
          userId,
          params: { id },
        } = context
        using wait = preferredWait(context, stopping)
        const status = await transcriptions.status({ id, userId, ...(wait && { until: wait.until }) })
        wait?.credential.throwIfAborted()
        return status
      },
      {
        params: IdParams,
        response: { 200: Status, ...errorSchemas(401, 403, 404, 429, 503) },
        detail: statusDetail,
      },
    )
}

function filterOf({ q, created_from, created_to, language, ...filter }: typeof ListQuery.static) {
  return {
    ...filter,
    limit: filter.limit ?? DEFAULT_PAGE_SIZE,
    ...(language && { language: parseLanguage(language).language }),
    ...(created_from && { createdFrom: parseTime('created_from', created_from, 'start') }),
    ...(created_to && { createdTo: parseTime('created_to', created_to, 'end') }),
    ...(q?.trim() && { words: q }),
  }
}

export function cancelRoutes({ transcriptions, authenticator }: StatusRoutesServices) {
  return new Elysia({ tags: ['Transcriptions'], detail: { security: BEARER } })
    .use(bearer({ authenticator, takesKnown: true }))
    .post(
      '/transcriptions/:id/cancel',
      ({ params: { id }, userId }) => transcriptions.cancel({ id, userId }),
      {
        params: IdParams,
        response: { 200: Status, ...errorSchemas(401, 403, 404, 409, 429, 503) },
        detail: cancelDetail,
      },
    )
    .delete(
      '/transcriptions/:id',
      async ({ params: { id }, userId }) => {
        await transcriptions.remove({ id, userId })
        return new Response(null, { status: 204 })
      },
      { params: IdParams, detail: deleteDetail },
    )
}
