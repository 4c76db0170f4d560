import { Elysia, t } from 'elysia'
import { readUpload } from '../http/multipart.ts'
import { Problem } from '../http/problems.ts'
import { parseRange } from '../http/range.ts'
import { BEARER, bearer } from '../http/tokens.ts'
import { Accepted, IdParams, Status, Transcript, TranscriptQuery, uploadBody } from './schemas.ts'
import { type Cue, toSrt, toVtt } from './transcript.ts'
import type { TranscriptionsService } from './transcriptions.service.ts'
import type { createUpload } from './upload.ts'

export type TranscriptionRoutesServices = {
  transcriptions: TranscriptionsService
  upload: ReturnType<typeof createUpload>
  secret: string
  maxUploadBytes: number
}

const tags = ['Transcriptions']

export function transcriptionRoutes(services: TranscriptionRoutesServices) {
  return new Elysia({ prefix: '/api' }).use(ownedRoutes(services)).use(audioRoute(services))
}

function ownedRoutes({ transcriptions, upload, secret, maxUploadBytes }: TranscriptionRoutesServices) {
  return new Elysia({ tags, detail: { security: BEARER } })
    .use(bearer({ secret }))
    .post(
      '/transcribe',
      async ({ request, userId, set }) => {
        const transcription_id = await upload({
          userId,
          receive: (store) => readUpload({ request, name: 'audio', maxBytes: maxUploadBytes, store }),
        })
        set.status = 202
        return { message: 'Transcription started', transcription_id }
      },
      {
        parse: 'none',
        response: {
          202: Accepted,
          400: Problem,
          401: Problem,
          413: Problem,
          415: Problem,
          500: Problem,
          503: Problem,
          507: Problem,
        },
        detail: {
          summary: 'Transcribe audio',
          description: 'Answers as soon as the audio is stored; read the transcription under its id.',
          requestBody: uploadBody,
        },
      },
    )
    .get('/transcriptions/:id', ({ params: { id }, userId }) => transcriptions.status({ id, userId }), {
      params: IdParams,
      response: { 200: Status, 401: Problem, 404: Problem },
      detail: { summary: 'Status and text of a transcription' },
    })
    .get(
      '/transcriptions/:id/transcript',
      async ({ params: { id }, query: { format }, userId, set }) => {
        const transcript = await transcriptions.transcript({ id, userId })
        if (format === undefined || format === 'json') return transcript
        const { type, body } = PLAIN[format](transcript)
        set.headers['content-type'] = `${type}; charset=utf-8`
        return body
      },
      {
        params: IdParams,
        query: TranscriptQuery,
        response: {
          200: t.Union([Transcript, t.String()]),
          400: Problem,
          401: Problem,
          404: Problem,
          409: Problem,
        },
        detail: { summary: 'The transcript, as JSON, plain text or subtitles' },
      },
    )
}

/** Without a token: the signature in its query is what lets a browser's player in. */
function audioRoute({ transcriptions }: TranscriptionRoutesServices) {
  return new Elysia({ tags }).get(
    '/transcriptions/:id/audio',
    async ({ params: { id }, query, headers }) => {
      const audio = await transcriptions.audio({ id, ...query })
      const range = parseRange(headers.range ?? null, audio.bytes)
      if (range === 'unsatisfiable') {
        return new Response(null, { status: 416, headers: { 'Content-Range': `bytes */${audio.bytes}` } })
      }
      const { start, end } = range ?? { start: 0, end: audio.bytes }
      return new Response(await audio.read({ start, end }), {
        status: range ? 206 : 200,
        headers: {
          'Content-Type': audio.type,
          'Content-Length': String(end - start),
          'Accept-Ranges': 'bytes',
          'Content-Disposition': `inline; filename*=UTF-8''${encodeRfc5987(audio.filename)}`,
          'X-Content-Type-Options': 'nosniff',
          'Cache-Control': 'private',
          ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${audio.bytes}` }),
        },
      })
    },
    {
      params: IdParams,
      query: t.Object({ expires: t.Integer(), signature: t.String() }),
      detail: {
        summary: 'The original audio',
        description: 'At the link that the status gives as `audio_file`; takes `Range`.',
        responses: {
          200: { description: 'The original, byte for byte' },
          206: { description: 'The range asked for' },
          404: { description: 'The link is not valid or has expired' },
          416: { description: 'The range is outside of the file' },
        },
      },
    },
  )
}

const PLAIN = {
  txt: ({ text }: { text: string }) => ({ type: 'text/plain', body: `${text}\n` }),
  srt: ({ segments }: { segments: Cue[] }) => ({ type: 'application/x-subrip', body: toSrt(segments) }),
  vtt: ({ segments }: { segments: Cue[] }) => ({ type: 'text/vtt', body: toVtt(segments) }),
}

function encodeRfc5987(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
