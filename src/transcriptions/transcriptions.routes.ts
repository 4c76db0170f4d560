import { Elysia, t } from 'elysia'
import { VerbatimError } from '../errors.ts'
import { type Authenticator, BEARER, bearer, PUBLIC, type WatchCredential } from '../http/bearer.ts'
import { readUpload } from '../http/body/audio-upload.ts'
import { preferredType } from '../http/headers/accept.ts'
import { IDEMPOTENCY_KEY, idempotencyKeyIn } from '../http/headers/idempotency-key.ts'
import { waitIn } from '../http/headers/prefer.ts'
import { parseRange } from '../http/headers/range.ts'
import { parseTime } from '../http/headers/times.ts'
import { errorResponses, errorSchemas } from '../http/openapi/statuses.ts'
import { errorBodyOf } from '../http/problems.ts'
import { eventStream, whileValid } from '../http/sse.ts'
import type { BeginUpload } from '../intake.ts'
import type { Log } from '../log.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { TEXT_FORMATS, type TranscriptFormat, TYPES } from './transcript/formats.ts'
import { parseLanguage } from './transcript/languages.ts'
import {
  Accepted,
  IdParams,
  List,
  ListQuery,
  Status,
  Transcript,
  TranscriptQuery,
  uploadBody,
  uploadForm,
  uploadQuery,
  VerboseTranscript,
  Waveform,
  WaveformQuery,
} from './transcriptions.schemas.ts'
import type { TranscriptionsService } from './transcriptions.service.ts'

export type TranscriptionRoutesServices = {
  transcriptions: TranscriptionsService
  beginUpload: BeginUpload
  /** Fetches what `audio_url` names. */
  outbound: Outbound
  authenticator: Authenticator
  maxUploadBytes: number
  /** Fires when the service stops: what is held open ends. */
  stopping: AbortSignal
  log: Log
}

const PAGE = 20

const tags = ['Transcriptions']

export function transcriptionRoutes(services: TranscriptionRoutesServices) {
  return new Elysia({ prefix: '/api' }).use(ownedRoutes(services)).use(audioRoute(services))
}

const WAITING =
  '`Prefer: wait=30` holds the answer back until the transcription is over, or for so many seconds.'

const FROM_URL =
  'In place of `audio`, `audio_url` names where it is fetched from: in a form, as JSON or in the query.'

const accepted = {
  200: Status,
  202: Accepted,
  ...errorSchemas(400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 502, 503, 507),
}

type Waiting = {
  request: Request
  set: { headers: Record<string, string | number> }
  watchCredential: WatchCredential
}

function ownedRoutes(services: TranscriptionRoutesServices) {
  const { transcriptions, beginUpload, outbound, authenticator, maxUploadBytes, stopping, log } = services

  /** How long to hold an answer back, where the client asked for it. `over` fires at its end. */
  function patience({ request, set, watchCredential }: Waiting) {
    const seconds = waitIn(request.headers)
    if (seconds === null) return null
    set.headers['preference-applied'] = `wait=${seconds}`
    const done = new AbortController()
    const end = AbortSignal.any([AbortSignal.timeout(seconds * 1000), request.signal, stopping, done.signal])
    const credential = watchCredential(end)
    const over = AbortSignal.any([end, credential])
    return { over, credential, [Symbol.dispose]: () => done.abort() }
  }

  async function takeUpload({ request, userId }: { request: Request; userId: string }): Promise<string> {
    const idempotencyKey = idempotencyKeyIn(request.headers)
    await using intake = await beginUpload({ userId, idempotencyKey })
    const { store } = intake
    const upload = await readUpload({ request, name: 'audio', maxBytes: maxUploadBytes, outbound, store })
    return await intake.commit(upload)
  }

  const accept = async ({
    request,
    userId,
    server,
    set,
    watchCredential,
  }: Waiting & {
    userId: string
    server: { timeout(request: Request, seconds: number): void } | null
    set: { status?: number | string }
  }) => {
    // While audio is fetched from elsewhere, or brought to a bucket, the client hears nothing.
    server?.timeout(request, 0)
    const id = await takeUpload({ request, userId })
    using wait = patience({ request, set, watchCredential })
    if (wait) {
      const status = await transcriptions.status({ id, userId, until: wait.over })
      // The upload is accepted, also if the credential is not valid any more: the answer then carries the id only.
      if (status.completed_at !== null && !wait.credential.aborted) return status
    }
    set.status = 202
    return { message: 'Transcription started', transcription_id: id }
  }

  return new Elysia({ tags, detail: { security: BEARER } })
    .use(bearer({ authenticator, takesKnown: true }))
    .post('/transcribe', accept, {
      parse: 'none',
      response: accepted,
      detail: {
        summary: 'Transcribe audio',
        description: `Answers as soon as the audio is stored; read the transcription under its id. ${FROM_URL} ${WAITING}`,
        parameters: [IDEMPOTENCY_KEY],
        requestBody: uploadForm,
      },
    })
    .put('/transcribe', accept, {
      parse: 'none',
      response: accepted,
      detail: {
        summary: 'Transcribe audio that is the body itself',
        description:
          'As the form, for `curl -T talk.mp3`. A POST with an audio Content-Type is taken in the same way.',
        parameters: [...uploadQuery, IDEMPOTENCY_KEY],
        requestBody: uploadBody,
      },
    })
    .get(
      '/transcriptions',
      ({ query: { q, created_from, created_to, language, ...asked }, userId }) =>
        transcriptions.list({
          ...asked,
          userId,
          limit: asked.limit ?? PAGE,
          ...(language && { language: parseLanguage(language) }),
          ...(created_from && { createdFrom: parseTime('created_from', created_from, 'start') }),
          ...(created_to && { createdTo: parseTime('created_to', created_to, 'end') }),
          ...(q?.trim() && { words: q }),
        }),
      {
        query: ListQuery,
        response: { 200: List, ...errorSchemas(400, 401, 403, 429, 503) },
        detail: {
          summary: 'Your transcriptions, the latest first',
          description: 'In pages: `next_cursor` of the one is `cursor` of the next, with the same filters.',
        },
      },
    )
    .get(
      '/transcriptions/:id',
      async ({ params: { id }, request, userId, set, watchCredential }) => {
        using wait = patience({ request, set, watchCredential })
        const status = await transcriptions.status({ id, userId, ...(wait && { until: wait.over }) })
        wait?.credential.throwIfAborted()
        return status
      },
      {
        params: IdParams,
        response: { 200: Status, ...errorSchemas(401, 403, 404, 429, 503) },
        detail: { summary: 'Status and text of a transcription', description: WAITING },
      },
    )
    .get(
      '/transcriptions/:id/events',
      async ({ params: { id }, request, userId, server, watchCredential }) => {
        server?.timeout(request, 0)
        const over = new AbortController()
        const done = () => over.abort()
        const end = AbortSignal.any([over.signal, request.signal, stopping])
        const credential = watchCredential(end)
        const signal = AbortSignal.any([end, credential])
        const after = Number(request.headers.get('last-event-id') ?? 0) || 0
        const events = await transcriptions.events({ id, userId, after, signal }).catch((error) => {
          done()
          throw error
        })
        return eventStream({
          events: whileValid(events, { credential, done }),
          left: done,
          problem: (error) => errorBodyOf(error, log),
        })
      },
      {
        params: IdParams,
        detail: {
          summary: 'What becomes of a transcription, as it happens',
          description:
            'Server-sent events: `status` with the body of the status, `segments` of each stretch that is done, in the order in which they are, and `removed`. Ends once the transcription is over, and with an `error` event when the token expires or is revoked: open it again with a new one and `Last-Event-ID`, and nothing is missed.',
          responses: {
            200: {
              description: 'The stream of events',
              content: { 'text/event-stream': { schema: { type: 'string' } } },
            },
            ...errorResponses(401, 403, 404, 429),
          },
        },
      },
    )
    .post(
      '/transcriptions/:id/cancel',
      ({ params: { id }, userId }) => transcriptions.cancel({ id, userId }),
      {
        params: IdParams,
        response: { 200: Status, ...errorSchemas(401, 403, 404, 409, 429, 503) },
        detail: {
          summary: 'Cancel a transcription',
          description: 'What runs for it is stopped at once; the audio stays until it is deleted.',
        },
      },
    )
    .delete(
      '/transcriptions/:id',
      async ({ params: { id }, userId }) => {
        await transcriptions.remove({ id, userId })
        return new Response(null, { status: 204 })
      },
      {
        params: IdParams,
        detail: {
          summary: 'Delete a transcription with its audio',
          description: 'Whatever it is doing. Nothing of it is kept.',
          responses: {
            204: { description: 'The transcription is deleted' },
            ...errorResponses(401, 403, 404, 429),
          },
        },
      },
    )
    .get(
      '/transcriptions/:id/waveform',
      ({ params: { id }, query: { samples_per_pixel }, userId }) =>
        transcriptions.waveform({
          id,
          userId,
          ...(samples_per_pixel && { samplesPerPixel: samples_per_pixel }),
        }),
      {
        params: IdParams,
        query: WaveformQuery,
        response: { 200: Waveform, ...errorSchemas(400, 401, 403, 404, 409, 429, 503) },
        detail: {
          summary: 'The shape of the sound, to draw it',
          description: "audiowaveform's JSON, which players such as Peaks.js and wavesurfer.js take.",
        },
      },
    )
    .get(
      '/transcriptions/:id/transcript',
      async ({ params: { id }, query: { format, partial }, request, userId, set }) => {
        set.headers.vary = 'Accept'
        const asked = { id, userId, partial: partial === 'true' }
        const wanted = format ?? acceptedFormat(request.headers)
        if (wanted === 'json') return transcriptions.transcript(asked)
        if (wanted === 'verbose_json') return transcriptions.verboseTranscript(asked)
        const text = await transcriptions.writtenTranscript({ ...asked, format: wanted })
        set.headers['content-type'] = `${TEXT_FORMATS[wanted].type}; charset=utf-8`
        return text
      },
      {
        params: IdParams,
        query: TranscriptQuery,
        response: {
          200: t.Union([Transcript, VerboseTranscript, t.String()]),
          ...errorSchemas(400, 401, 403, 404, 406, 409, 429, 503),
        },
        detail: {
          summary: 'The transcript, as JSON, plain text or subtitles',
          description: `In the \`format\` that is named, or the first of ${[...TYPES.keys()].map((type) => `\`${type}\``).join(', ')} that \`Accept\` prefers.`,
        },
      },
    )
}

function acceptedFormat(headers: Headers): TranscriptFormat {
  const types = [...TYPES.keys()]
  const type = preferredType(headers.get('accept'), types)
  const format = type && TYPES.get(type)
  if (format) return format
  throw new VerbatimError(
    'not_acceptable',
    `A transcript comes as ${types.join(', ')}; Accept takes none of them`,
  )
}

/** Without a token: the signature in its query is what lets a browser's player in. */
function audioRoute({ transcriptions }: TranscriptionRoutesServices) {
  return new Elysia({ tags, detail: { security: PUBLIC } }).get(
    '/transcriptions/:id/audio',
    async ({ params: { id }, query, request: { headers } }) => {
      const audio = await transcriptions.audio({ id, ...query })
      const about = {
        ETag: audio.etag,
        'Accept-Ranges': 'bytes',
        'Cache-Control': 'private',
        'X-Content-Type-Options': 'nosniff',
      }
      if (isNamed(audio.etag, headers.get('if-none-match'))) {
        return new Response(null, { status: 304, headers: about })
      }
      const isSame = (headers.get('if-range') ?? audio.etag) === audio.etag
      const range = parseRange(isSame ? headers.get('range') : null, audio.bytes)
      if (range === 'unsatisfiable') {
        return new Response(null, {
          status: 416,
          headers: { ...about, 'Content-Range': `bytes */${audio.bytes}` },
        })
      }
      const { start, end } = range ?? { start: 0, end: audio.bytes }
      return new Response(await audio.read({ start, end }), {
        status: range ? 206 : 200,
        headers: {
          ...about,
          'Content-Type': audio.type,
          'Content-Length': String(end - start),
          'Content-Disposition': `inline; filename*=UTF-8''${encodeRfc5987(audio.filename)}`,
          ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${audio.bytes}` }),
        },
      })
    },
    {
      params: IdParams,
      query: t.Object({
        expires: t.Integer({ error: 'expires takes Unix seconds, as the link has them' }),
        signature: t.String(),
      }),
      detail: {
        summary: 'The original audio',
        description: 'At the link that the status gives as `audio_file`; takes `Range`.',
        responses: {
          200: { description: 'The original file' },
          206: { description: 'The requested range' },
          304: { description: 'The file matches `If-None-Match`' },
          416: { description: 'The range is outside of the file' },
          ...errorResponses(400, 404, 410),
        },
      },
    },
  )
}

/** Whether an If-None-Match header (RFC 9110 §13.1.2) names this entity tag. */
function isNamed(etag: string, header: string | null): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}

function encodeRfc5987(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
