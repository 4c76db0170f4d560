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
      param: t.Union([t.String(), t.Null()], { description: 'The field that is wrong, where it is one' }),
      code: t.String({ description: 'A word to branch on' }),
    }),
  },
  { title: 'OpenAI’s error' },
)

/** OpenAI's body of every error, which its clients make their own errors of. */
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

/** OpenAI's error, with what it is at this status. */
export function errorBodyOf(status: number) {
  const example = EXAMPLES[status]
  const examples = example ? [openaiError({ ...example, status, field: null, headers: {} })] : []
  return t.Object(OpenaiError.properties, { ...OpenaiError, examples })
}

const FAILURES = {
  400: 'The request or its audio is not valid; `param` names the field',
  401: 'No valid access token or API key',
  403: 'The API key may not write',
  404: 'There is no such model, or the transcription was removed meanwhile',
  408: 'Nothing of the upload came for too long',
  409: 'The transcription was canceled meanwhile',
  413: 'The upload is too large, or its audio too long',
  415: 'The file is no audio that can be read',
  429: 'Too much was asked for or uploaded, by this user or at this service',
  500: 'An unexpected error; it is logged',
  502: 'No engine takes this audio',
  503: 'The service is stopping, or something that it needs is not there',
  507: 'The storage is full',
}

const json = (schema: object) => ({ 'application/json': { schema } })

/** By hand, since a stream is answered with too. */
export const answers = {
  200: {
    description: 'In the `response_format` that was asked for, or as a stream',
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
  created: t.Number({ description: 'Unix seconds; 0, since it is not known' }),
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
  model: { ...text, default: 'whisper-1', description: 'One that `/v1/models` lists' },
  response_format: { ...text, enum: [...RESPONSE_FORMATS], default: 'json' },
  prompt: { ...text, default: '', description: 'Taken, but not heeded' },
  temperature: {
    type: 'number' as const,
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'Taken, but not heeded: the engine chooses it by how sure it is',
  },
}

/** By hand, since the routes read their bodies themselves. */
const formOf = (properties: Record<string, object>) => ({
  required: true,
  content: { 'multipart/form-data': { schema: { type: 'object' as const, required: ['file'], properties } } },
})

export const transcriptionForm = formOf({
  ...SHARED,
  language: { ...text, default: '', description: 'A language code; without one it is detected' },
  'timestamp_granularities[]': {
    type: 'array' as const,
    items: { ...text, enum: [...GRANULARITIES] },
    description: 'What `verbose_json` tells the times of; without any, `segment`',
  },
  stream: {
    ...text,
    enum: ['false', 'true'],
    default: 'false',
    description: 'Server-sent events: `transcript.text.delta` as segments come, then `transcript.text.done`',
  },
})

export const translationForm = formOf(SHARED)
