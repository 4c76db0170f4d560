import { t } from 'elysia'
import { booleanText, nullable } from '../http/schema.ts'
import { EXAMPLE_ID } from '../transcriptions/transcriptions.schemas.ts'
import { BASE, status } from './assemblyai.schemas.ts'
import { STATUSES } from './transcript.ts'

const LIST_URL = `${BASE}/assemblyai/v2/transcript`

export const TranscriptList = t.Object(
  {
    page_details: t.Object({
      limit: t.Integer(),
      result_count: t.Integer(),
      current_url: t.String(),
      prev_url: nullable(t.String({ description: 'The page with older transcripts' })),
      next_url: nullable(t.String({ description: 'The page with newer transcripts' })),
    }),
    transcripts: t.Array(
      t.Object({
        id: t.String({ format: 'uuid' }),
        resource_url: t.String(),
        status,
        created: t.String({ format: 'date-time' }),
        completed: nullable(t.String({ format: 'date-time' })),
        audio_url: t.String({ description: 'Without the signature that opens it' }),
        error: nullable(t.String()),
      }),
    ),
  },
  {
    examples: [
      {
        page_details: {
          limit: 1,
          result_count: 1,
          current_url: `${LIST_URL}?limit=1`,
          prev_url: `${LIST_URL}?limit=1&before_id=${EXAMPLE_ID}`,
          next_url: null,
        },
        transcripts: [
          {
            id: EXAMPLE_ID,
            resource_url: `${LIST_URL}/${EXAMPLE_ID}`,
            status: 'completed',
            created: '2023-01-01T12:00:00Z',
            completed: '2023-01-01T12:00:05Z',
            audio_url: `${BASE}/api/transcriptions/${EXAMPLE_ID}/audio`,
            error: null,
          },
        ],
      },
    ],
  },
)

const place = (description: string) => t.Optional(t.String({ description }))

export const ListQuery = t.Object({
  limit: t.Optional(t.Integer({ minimum: 1, maximum: 200, default: 10 })),
  status: t.Optional(t.UnionEnum([...STATUSES], { default: undefined })),
  created_on: t.Optional(
    t.String({ pattern: '^[12]\\d{3}-\\d{2}-\\d{2}$', description: 'A day (UTC)', examples: ['2023-01-31'] }),
  ),
  before_id: place('Returns transcripts that are older than this one'),
  after_id: place('Returns transcripts that are newer than this one'),
  throttled_only: t.Optional(
    booleanText({ name: 'throttled_only', description: '`true` is refused: no transcript is throttled' }),
  ),
})
