import { Elysia } from 'elysia'
import { type Authenticator, BEARER } from '../http/bearer.ts'
import { parseTime } from '../http/headers/times.ts'
import { errorSchemas } from '../http/openapi/statuses.ts'
import { booleanIn, invalidField } from '../transcriptions/intake/field-values.ts'
import { IdParams, Transcript } from './assemblyai.schemas.ts'
import { keyAlone } from './caller.routes.ts'
import { ListQuery, TranscriptList } from './list.schemas.ts'
import { readList } from './list.ts'
import { DELETED, type ReadingServices, readTranscript } from './transcript.ts'

export type TranscriptRoutesServices = ReadingServices & { authenticator: Authenticator }

const DEFAULT_PAGE_SIZE = 10

/** The routes of transcripts as a whole. */
export function transcriptRoutes(services: TranscriptRoutesServices) {
  return new Elysia({ tags: ['AssemblyAI'], detail: { security: BEARER } })
    .use(keyAlone(services))
    .get('/transcript', ({ query, userId }) => readList(services, { userId, ...listRequest(query) }), {
      query: ListQuery,
      response: { 200: TranscriptList, ...errorSchemas(400, 401, 403, 404, 429, 503) },
      detail: {
        summary: 'List transcripts, the newest first (AssemblyAI-compatible)',
        description: 'Lists all transcriptions of the user, also those that other routes created.',
      },
    })
    .get('/transcript/:id', ({ params: { id }, userId }) => readTranscript(services, { id, userId }), {
      params: IdParams,
      response: { 200: Transcript, ...errorSchemas(401, 403, 404, 429, 503) },
      detail: { summary: 'Read a transcript (AssemblyAI-compatible)' },
    })
    .delete(
      '/transcript/:id',
      async ({ params: { id }, userId }) => {
        const transcript = await readTranscript(services, { id, userId })
        await services.transcriptions.remove({ id, userId })
        return { ...transcript, ...DELETED }
      },
      {
        params: IdParams,
        response: { 200: Transcript, ...errorSchemas(401, 403, 404, 429, 503) },
        detail: {
          summary: 'Delete a transcript with its audio (AssemblyAI-compatible)',
          description: 'The response is the deleted transcript without its text.',
        },
      },
    )
}

function listRequest({
  limit,
  status,
  created_on,
  before_id,
  after_id,
  throttled_only,
}: typeof ListQuery.static) {
  if (booleanIn(throttled_only ?? ''))
    throw invalidField('throttled_only', 'is true; no transcript is throttled')
  return {
    limit: limit ?? DEFAULT_PAGE_SIZE,
    status,
    createdOn: created_on,
    // AssemblyAI's client sends an empty value for an undefined one.
    beforeId: before_id || null,
    afterId: after_id || null,
    days: created_on
      ? {
          createdFrom: parseTime('created_on', created_on, 'start'),
          createdTo: parseTime('created_on', created_on, 'end'),
        }
      : {},
  }
}
