import { Elysia } from 'elysia'
import { type AuthorizeContext, authorize, BEARER_OR_LINK, type WatchCredential } from '../../http/bearer.ts'
import { errorBodyOf } from '../../http/problems.ts'
import { eventStream, whileValid } from '../../http/sse.ts'
import type { Log } from '../../log.ts'
import { type SignedLink, watchLink } from '../reading/signed-links.ts'
import { IdParams } from '../transcriptions.schemas.ts'
import { EventsQuery, eventsDetail } from './events.schemas.ts'
import type { StatusRoutesServices } from './status.routes.ts'

export type EventsRoutesServices = StatusRoutesServices & { log: Log }

/** On whose behalf a stream is opened, and what ends it. */
type Access = { userId: string; hasLinks: boolean; watchCredential: WatchCredential }

/**
 * Takes a token, or the signature of a link, because a browser's `EventSource` cannot send headers. The
 * statuses of a stream that a link opened have no links: they would renew the link and open the audio.
 */
export function eventsRoutes({ transcriptions, authenticator, stopping, log }: EventsRoutesServices) {
  async function accessByToken(context: AuthorizeContext): Promise<Access> {
    const { userId, watchCredential } = await authorize({ authenticator, takesKnown: true }, context)
    return { userId, hasLinks: true, watchCredential }
  }

  async function accessByLink(link: SignedLink): Promise<Access> {
    const userId = await transcriptions.eventsLinkOwner(link)
    return { userId, hasLinks: false, watchCredential: (until) => watchLink(link, until) }
  }

  return new Elysia({ tags: ['Transcriptions'], detail: { security: BEARER_OR_LINK } }).get(
    '/transcriptions/:id/events',
    async ({ params: { id }, query, request, set, server }) => {
      const { userId, hasLinks, watchCredential } =
        query.signature === undefined
          ? await accessByToken({ request, set })
          : await accessByLink({ id, expires: query.expires ?? 0, signature: query.signature })
      server?.timeout(request, 0)
      const closed = new AbortController()
      const close = () => closed.abort()
      const end = AbortSignal.any([closed.signal, request.signal, stopping])
      const credential = watchCredential(end)
      const signal = AbortSignal.any([end, credential])
      const after = Number(request.headers.get('last-event-id') ?? 0) || 0
      const events = await transcriptions.events({ id, userId, after, hasLinks, signal }).catch((error) => {
        close()
        throw error
      })
      return eventStream({
        events: whileValid(events, { credential, done: close }),
        left: close,
        problem: (error) => errorBodyOf(error, log),
      })
    },
    { params: IdParams, query: EventsQuery, detail: eventsDetail },
  )
}
