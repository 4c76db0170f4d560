import { t } from 'elysia'
import { QUALITIES } from '../engines/engine.ts'
import { errorResponses } from '../http/openapi/statuses.ts'
import { nullable } from '../http/schema.ts'
import { WARNING_CODES } from '../warnings.ts'

export const EXAMPLE_ID = '123e4567-e89b-12d3-a456-426614174000'

export const IdParams = t.Object({
  id: t.String({ description: 'The `transcription_id`', examples: [EXAMPLE_ID] }),
})

export const STATUSES = ['queued', 'processing', 'completed', 'failed', 'canceled'] as const

export const PREFER_WAIT =
  'With `Prefer: wait=30`, the server delays the response until the transcription has finished, for at most ' +
  'that many seconds.'

export const Warnings = t.Array(
  t.Object({
    code: t.UnionEnum([...WARNING_CODES], { description: 'A stable code; docs/api.md explains each' }),
    message: t.String({ description: 'One sentence' }),
  }),
  {
    description:
      'What is missing or doubtful, at most one warning of each code. Complete once the transcription is completed',
    examples: [[]],
  },
)

const Track = t.Object({
  number: t.Integer({ minimum: 1, description: 'The value of the field `track` that chooses this track' }),
  codec: t.String({ examples: ['aac'] }),
  channels: t.Integer(),
  language: t.Nullable(t.String({ examples: ['eng'] }), { description: 'As the file states it' }),
  title: nullable(t.String()),
  default: t.Boolean({ description: 'The file marks it as the default' }),
})

const status = {
  id: t.String({ format: 'uuid' }),
  audio_file: nullable(
    t.String({
      format: 'uri',
      description: 'Link to the original audio, valid for one hour; null once the audio is removed',
    }),
  ),
  events: nullable(
    t.String({
      format: 'uri',
      description:
        'Link to the events, valid for one hour, for `EventSource`, which cannot send a token. Null in a ' +
        'stream that such a link opened, as `audio_file` is',
    }),
  ),
  transcription: nullable(
    t.String({
      description:
        'The text; with `channels=split`, one line for each turn of a channel. Null until the transcription is ' +
        'completed',
    }),
  ),
  status: t.UnionEnum([...STATUSES]),
  created_at: t.String({ format: 'date-time', examples: ['2023-01-01T12:00:00Z'] }),
  language: t.String({
    description: 'The requested language. With `auto`, the detected language once completed',
    examples: ['en'],
  }),
  script: t.Nullable(t.UnionEnum(['simplified', 'traditional']), {
    description: 'The Chinese script that `language` asked for; null: the characters that the model wrote',
  }),
  task: t.String({ examples: ['transcribe'] }),
  model: t.Nullable(t.String(), {
    description: 'The requested model; null: the server’s default. The transcript names the models that ran',
  }),
  quality: t.UnionEnum([...QUALITIES], { description: 'The requested quality, or the server’s default' }),
  channels: t.UnionEnum(['mix', 'split']),
  start: nullable(t.Number({ description: 'Start of the requested time range, in seconds' })),
  end: nullable(t.Number()),
  progress: t.Number({ minimum: 0, maximum: 1, description: 'Transcribed seconds divided by all seconds' }),
  queue_position: nullable(
    t.Number({
      multipleOf: 1,
      description: 'Number of unfinished transcriptions before this one; null once it has finished',
    }),
  ),
  estimated_seconds: nullable(
    t.Number({
      description: 'Estimated seconds until it has finished, at the recent speed; null if unknown',
    }),
  ),
  duration: nullable(t.Number({ description: 'Length of the audio in seconds; null until it is decoded' })),
  filename: nullable(t.String()),
  size: t.Number({ description: 'Size of the original in bytes' }),
  sha256: t.String({ description: 'SHA-256 of the original, in hexadecimal' }),
  codec: t.Nullable(t.String({ examples: ['mp3'] }), {
    description: 'Null until the audio is inspected; an API without a decoder leaves that to a worker',
  }),
  track: t.Nullable(t.Integer(), {
    description: 'The audio track that is transcribed, if the file has several',
  }),
  tracks: t.Nullable(t.Array(Track), {
    description: 'All audio tracks, if the file has several. Null until the audio is inspected',
  }),
  warnings: Warnings,
  completed_at: nullable(t.String({ format: 'date-time' })),
  failure: nullable(t.Object({ code: t.String(), error: t.String() })),
}

const exampleStatus = {
  id: EXAMPLE_ID,
  audio_file: `http://localhost:3000/api/transcriptions/${EXAMPLE_ID}/audio?expires=1672578000&signature=9134…`,
  events: `http://localhost:3000/api/transcriptions/${EXAMPLE_ID}/events?expires=1672578000&signature=5d0c…`,
  transcription: 'The old library stands beside the river.',
  status: 'completed',
  created_at: '2023-01-01T12:00:00Z',
  language: 'en',
  script: null,
  task: 'transcribe',
  model: null,
  quality: 'balanced',
  channels: 'mix',
  start: null,
  end: null,
  progress: 1,
  queue_position: null,
  estimated_seconds: null,
  duration: 2.7,
  filename: 'speech.mp3',
  size: 43436,
  sha256: 'd9b1…',
  codec: 'mp3',
  track: null,
  tracks: null,
  warnings: [],
  completed_at: '2023-01-01T12:00:03Z',
  failure: null,
}

export const Status = t.Object(status, { examples: [exampleStatus] })

export const statusDetail = {
  summary: 'Read the status and text of a transcription',
  description: PREFER_WAIT,
}

const day = (description: string) => t.Optional(t.String({ description, examples: ['2023-01-31'] }))

export const ListQuery = t.Object({
  cursor: t.Optional(t.String({ maxLength: 200, description: '`next_cursor` of the previous page' })),
  limit: t.Optional(
    t.Integer({ minimum: 1, maximum: 100, default: 20, error: 'limit must be a whole number from 1 to 100' }),
  ),
  status: t.Optional(t.UnionEnum([...STATUSES], { default: undefined })),
  language: t.Optional(
    t.String({
      maxLength: 40,
      description: 'The language that the status shows, in any form that an upload takes',
      examples: ['en'],
    }),
  ),
  created_from: day('Created at or after this time or day (UTC)'),
  created_to: day('Created before this time, or before the end of this day (UTC)'),
  q: t.Optional(
    t.String({
      maxLength: 200,
      description: 'Words of the text or the file name, in any order. The last word can be incomplete',
    }),
  ),
})

const Count = t.Number({ multipleOf: 1 })

const exampleList = {
  transcriptions: [
    {
      id: EXAMPLE_ID,
      status: 'completed',
      created_at: '2023-01-01T12:00:00Z',
      completed_at: '2023-01-01T12:00:03Z',
      language: 'en',
      task: 'transcribe',
      filename: 'speech.mp3',
      size: 43436,
      duration: 2.7,
      progress: 1,
      excerpt: 'The old library stands beside the river.',
      warnings: [],
      failure: null,
    },
  ],
  next_cursor: null,
  counts: { queued: 0, processing: 0, completed: 1, failed: 0, canceled: 0 },
}

const list = {
  transcriptions: t.Array(
    t.Object({
      id: t.String({ format: 'uuid' }),
      status: t.UnionEnum([...STATUSES]),
      created_at: t.String({ format: 'date-time', examples: ['2023-01-01T12:00:00Z'] }),
      completed_at: nullable(t.String({ format: 'date-time' })),
      language: t.String({ examples: ['en'] }),
      task: t.String({ examples: ['transcribe'] }),
      filename: nullable(t.String()),
      size: t.Number({ description: 'Size of the original in bytes' }),
      duration: nullable(
        t.Number({ description: 'Length of the audio in seconds; null until it is decoded' }),
      ),
      progress: t.Number({ minimum: 0, maximum: 1 }),
      excerpt: nullable(
        t.String({ description: 'The first 200 characters of the text; null until completed' }),
      ),
      warnings: Warnings,
      failure: nullable(t.Object({ code: t.String(), error: t.String() })),
    }),
  ),
  next_cursor: nullable(t.String({ description: 'Cursor of the next page; null on the last page' })),
  counts: t.Optional(
    t.Object(
      { queued: Count, processing: Count, completed: Count, failed: Count, canceled: Count },
      { description: 'Number of all your transcriptions by status, whatever the filters; only on page one' },
    ),
  ),
}

export const List = t.Object(list, { examples: [exampleList] })

export const listDetail = {
  summary: 'List transcriptions',
  description:
    'Returns the newest first, in pages. To get the next page, pass `next_cursor` as `cursor`, with the same ' +
    'filters.',
}

export const cancelDetail = {
  summary: 'Cancel a transcription',
  description: 'Stops its work at once. The audio is kept until you delete the transcription.',
}

const errors = errorResponses(401, 403, 404, 429)

export const deleteDetail = {
  summary: 'Delete a transcription and its audio',
  description: 'Works in every status. Nothing of the transcription is kept.',
  responses: { 204: { description: 'The transcription is deleted' }, ...errors },
}
