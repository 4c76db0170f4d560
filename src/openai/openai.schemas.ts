import { t } from 'elysia'
import { EXAMPLES } from '../http/openapi/document.ts'
import type { ErrorResponse } from '../http/problems.ts'
import { VerboseTranscript } from '../transcriptions/transcriptions.schemas.ts'
import { GRANULARITIES, RESPONSE_FORMATS } from './fields.ts'

export const OpenaiError = t.Object(
  {
    error: t.Object({
      message: t.String({ description: 'One sentence' }),
      type: t.UnionEnum(['invalid_request_error', 'rate_limit_error', 'server_error']),
      param: t.Union([t.String(), t.Null()], {
        description: 'The invalid field; null if the error is not about a field',
      }),
      code: t.String({ description: 'A stable error code' }),
    }),
  },
  { title: 'OpenAI’s error' },
)

/** The error body that OpenAI's clients parse. */
export function openaiError({ status, error, code, field }: ErrorResponse) {
  return {
    error: {
      message: error,
      type: status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error',
      param: code === 'no_audio_file' ? 'file' : field,
      code: status === 401 ? 'invalid_api_key' : code,
    },
  }
}

const Usage = t.Object(
  { type: t.Literal('duration'), seconds: t.Number() },
  { description: 'Seconds of audio, rounded up' },
)

const exampleText = {
  text: 'The old library stands beside the river.',
  usage: { type: 'duration', seconds: 3 },
}

export const Text = t.Object({ text: t.String(), usage: Usage }, { title: 'Text', examples: [exampleText] })

const { segments, ...verbose } = VerboseTranscript.properties

export const Verbose = t.Object(
  { ...verbose, segments: t.Optional(segments), usage: Usage },
  { title: 'OpenAI’s verbose_json' },
)

/** OpenAI's error body, with this status's example. */
export function errorBodyOf(status: number) {
  const example = EXAMPLES[status]
  const examples = example ? [openaiError({ ...example, status, field: null, headers: {} })] : []
  return t.Object(OpenaiError.properties, { ...OpenaiError, examples })
}

const FAILURES = {
  400: 'The request or its audio is not valid; `param` names the field',
  401: 'No valid access token or API key',
  403: 'The API key lacks the `write` scope',
  404: 'No such model, or the transcription was deleted meanwhile',
  408: 'The upload stalled',
  409: 'The transcription was canceled meanwhile',
  413: 'The file is too large, its audio too long, or your storage quota is reached',
  415: 'The file is not audio, or its format is not supported',
  429: 'A limit on requests, uploads or transcriptions is reached: try again later',
  500: 'An unexpected error; it is logged',
  502: 'No engine accepts this audio',
  503: 'The service is stopping, or one of its dependencies is unavailable',
  507: 'The storage is full',
}

const json = (schema: object) => ({ 'application/json': { schema } })

/** Written as OpenAPI, since the response can be a stream. */
export const answers = {
  200: {
    description: 'The transcript in the requested `response_format`, or a stream of events',
    content: {
      ...json(t.Union([Text, Verbose])),
      'text/plain': { schema: t.String() },
      'application/x-subrip': { schema: t.String() },
      'text/vtt': { schema: t.String() },
      'text/event-stream': { schema: t.String() },
    },
  },
  ...Object.fromEntries(
    Object.entries(FAILURES).map(([status, description]) => [
      status,
      { description, content: json(errorBodyOf(Number(status))) },
    ]),
  ),
}

const model = {
  id: t.String({ examples: ['whisper-1'] }),
  object: t.Literal('model'),
  created: t.Number({ description: 'Unix seconds; always 0, since the time is unknown' }),
  owned_by: t.String(),
}

const exampleModel = { id: 'whisper-1', object: 'model', created: 0, owned_by: 'verbatim' }

export const Model = t.Object(model, { examples: [exampleModel] })

export const Models = t.Object(
  { object: t.Literal('list'), data: t.Array(Model) },
  { examples: [{ object: 'list', data: [exampleModel] }] },
)

export const ModelParams = t.Object({ model: t.String({ examples: ['whisper-1'] }) })

const text = { type: 'string' as const }

const SHARED = {
  file: { ...text, format: 'binary', description: 'wav, mp3, flac, m4a, ogg, webm, mp4 and others' },
  model: { ...text, default: 'whisper-1', description: 'A model that `/v1/models` lists' },
  response_format: { ...text, enum: [...RESPONSE_FORMATS], default: 'json' },
  prompt: { ...text, default: '', description: 'Accepted, but has no effect' },
  temperature: {
    type: 'number' as const,
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'Accepted, but has no effect: the engine chooses the temperature by its confidence',
  },
}

/** Written as OpenAPI, since the routes parse their bodies themselves. */
const formOf = (properties: Record<string, object>) => ({
  required: true,
  content: { 'multipart/form-data': { schema: { type: 'object' as const, required: ['file'], properties } } },
})

export const transcriptionForm = formOf({
  ...SHARED,
  language: {
    ...text,
    default: '',
    description: 'A language code; if it is missing, the language is detected',
  },
  'timestamp_granularities[]': {
    type: 'array' as const,
    items: { ...text, enum: [...GRANULARITIES] },
    description: 'The units whose timestamps `verbose_json` contains; default `segment`',
  },
  stream: {
    ...text,
    enum: ['false', 'true'],
    default: 'false',
    description:
      'Server-sent events: `transcript.text.delta` for each finished segment, then `transcript.text.done`',
  },
})

export const translationForm = formOf(SHARED)
