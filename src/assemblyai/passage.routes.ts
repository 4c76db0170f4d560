import { Elysia } from 'elysia'
import { BEARER } from '../http/bearer.ts'
import { errorResponses, errorSchemas } from '../http/openapi/statuses.ts'
import { TEXT_FORMATS } from '../transcriptions/transcript/formats.ts'
import { CaptionsQuery, captionsDetail, IdParams, Paragraphs, Sentences } from './assemblyai.schemas.ts'
import { keyAlone } from './caller.routes.ts'
import { captionsOf } from './captions.ts'
import { paragraphsOf, sentencesOf } from './sentences.ts'
import type { TranscriptRoutesServices } from './transcript.routes.ts'
import { headOf, readCompleted } from './transcript.ts'

const errors = errorSchemas(401, 403, 404, 409, 429, 503)

type Format = 'srt' | 'vtt'

type CaptionsContext = {
  params: { id: string }
  query: typeof CaptionsQuery.static
  userId: string
  set: { headers: Record<string, string | number> }
}

/** The routes of a completed transcript in passages: sentences, paragraphs and captions. */
export function passageRoutes(services: TranscriptRoutesServices) {
  const captions = (format: Format) => async (context: CaptionsContext) => {
    const { params, query, userId, set } = context
    const keys = { ...params, userId }
    const maxChars = query.chars_per_caption
    const { segments } = await readCompleted(services, keys)
    set.headers['content-type'] = `${TEXT_FORMATS[format].type}; charset=utf-8`
    return maxChars === undefined
      ? services.transcriptions.writtenTranscript({ ...keys, partial: false, format })
      : captionsOf(segments, { format, maxChars })
  }
  const captionsOptions = (format: Format) => ({
    params: IdParams,
    query: CaptionsQuery,
    detail: captionsDetail({
      type: TEXT_FORMATS[format].type,
      format,
      errors: errorResponses(400, 401, 403, 404, 409, 429, 503),
    }),
  })

  return new Elysia({ tags: ['AssemblyAI'], detail: { security: BEARER } })
    .use(keyAlone(services))
    .get(
      '/transcript/:id/sentences',
      async ({ params: { id }, userId }) => {
        const transcript = await readCompleted(services, { id, userId })
        return { ...headOf(transcript), sentences: sentencesOf(transcript.segments) }
      },
      {
        params: IdParams,
        response: { 200: Sentences, ...errors },
        detail: {
          summary: 'Read the sentences of a transcript (AssemblyAI-compatible)',
          description: 'A sentence ends with its punctuation, or with a pause of a second.',
        },
      },
    )
    .get(
      '/transcript/:id/paragraphs',
      async ({ params: { id }, userId }) => {
        const transcript = await readCompleted(services, { id, userId })
        return { ...headOf(transcript), paragraphs: paragraphsOf(transcript.segments) }
      },
      {
        params: IdParams,
        response: { 200: Paragraphs, ...errors },
        detail: {
          summary: 'Read the paragraphs of a transcript (AssemblyAI-compatible)',
          description: 'A paragraph has at most 5 sentences of a channel, without pauses of 2 seconds.',
        },
      },
    )
    .get('/transcript/:id/srt', captions('srt'), captionsOptions('srt'))
    .get('/transcript/:id/vtt', captions('vtt'), captionsOptions('vtt'))
}
