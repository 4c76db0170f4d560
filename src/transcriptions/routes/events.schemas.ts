import { t } from 'elysia'
import { errorResponses } from '../../http/openapi/statuses.ts'

export const EventsQuery = t.Object({
  expires: t.Optional(
    t.Integer({
      error: 'expires must be a Unix time in seconds: open `events` of the transcription as it is',
    }),
  ),
  signature: t.Optional(t.String({ description: 'Replaces the token; part of the link `events`' })),
})

export const eventsDetail = {
  summary: 'Stream events',
  description:
    'Takes a token, or the signature of the link `events` of the status. Server-sent events: `status` has the ' +
    'same body as the status; `segments` has the segments of one finished stretch of audio, in the order in ' +
    'which stretches finish, with provisional speakers if speakers were requested; `speakers` has the final ones ' +
    'and all segments, before the last status; `removed` says that the transcription was deleted. The stream ends when the transcription has finished. It also ends, with an `error` event, when ' +
    'the token expires or is revoked, or the link expires: open it again with a new one and `Last-Event-ID` to ' +
    'miss no event.',
  responses: {
    200: {
      description: 'The event stream',
      content: { 'text/event-stream': { schema: { type: 'string' as const } } },
    },
    ...errorResponses(400, 401, 403, 404, 429),
  },
}
