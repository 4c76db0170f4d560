import { t } from 'elysia'
import { ENGINE_CHOICES } from '../engines/engine.ts'
import { byStatus, ERRORS, type ErrorStatus, responsesOf } from '../http/openapi/statuses.ts'
import type { ErrorResponse } from '../http/problems.ts'
import { DiarizedTranscript, VerboseTranscript } from '../transcriptions/routes/transcript.schemas.ts'
import { OPTIONS } from '../transcriptions/routes/upload.schemas.ts'
import { GRANULARITIES, RESPONSE_FORMATS, TRANSLATION_FORMATS } from './fields.ts'

const OpenaiError = t.Object(
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

/** The fields that errors of the audio are about. */
const PARAMS = new Map([
  ['no_audio_file', 'file'],
  ['track_outside', 'track'],
])

/** The error body that OpenAI's clients parse. */
export function openaiError({ status, error, code, field }: ErrorResponse) {
  return {
    error: {
      message: error,
      type: status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error',
      param: field ?? PARAMS.get(code) ?? null,
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

const Logprob = t.Object({
  token: t.String({ description: 'A word with the space and the punctuation around it' }),
  bytes: t.Array(t.Number(), { description: 'The word in UTF-8' }),
  logprob: t.Number({ description: 'Natural logarithm of the word’s probability' }),
})

const Text = t.Object(
  { text: t.String(), logprobs: t.Optional(t.Array(Logprob)), usage: Usage },
  { title: 'Text', examples: [exampleText] },
)

const { segments, ...verbose } = VerboseTranscript.properties

const Verbose = t.Object(
  { ...verbose, segments: t.Optional(segments), usage: Usage },
  { title: 'OpenAI’s verbose_json' },
)

/** The errors of a route, as `errorSchemas` documents them, with OpenAI's body. */
export function openaiErrors<Status extends ErrorStatus>(...statuses: Status[]) {
  return byStatus(statuses, (status) => {
    const { meaning, example } = ERRORS[status]
    const body = openaiError({ ...example, status, field: null, headers: {} })
    return t.Object(OpenaiError.properties, { ...OpenaiError, description: meaning, examples: [body] })
  })
}

const json = (schema: object) => ({ 'application/json': { schema } })

/** Written as OpenAPI, since the response can be a stream. */
export const answers = {
  200: {
    description: 'The transcript in the requested `response_format`, or a stream of events',
    content: {
      ...json(t.Union([Text, Verbose, DiarizedTranscript])),
      'text/plain': { schema: t.String() },
      'application/x-subrip': { schema: t.String() },
      'text/vtt': { schema: t.String() },
      'text/event-stream': { schema: t.String() },
    },
  },
  ...responsesOf(openaiErrors(400, 401, 403, 404, 408, 409, 413, 415, 429, 500, 502, 503, 507)),
}

const model = {
  id: t.String({ examples: ['whisper-1'] }),
  object: t.Literal('model'),
  created: t.Number({ description: 'Unix seconds; always 0, since the time is unknown' }),
  owned_by: t.String(),
  root: t.Optional(t.String({ description: 'The id of the model that an alias means' })),
  engine: t.Optional(t.UnionEnum([...ENGINE_CHOICES], { description: 'The engine that runs the model' })),
  languages: t.Optional(
    t.Nullable(t.Array(t.String()), {
      description: 'Codes of its languages; null: unknown, or all of Whisper’s',
    }),
  ),
  translate: t.Optional(t.Boolean({ description: 'Whether it translates into English' })),
  words: t.Optional(t.Boolean({ description: 'Whether it reports the times of words' })),
  speakers: t.Optional(t.Boolean({ description: 'Whether its engine tells speakers apart' })),
}

const exampleModel = { id: 'whisper-1', object: 'model', created: 0, owned_by: 'verbatim' }

export const Model = t.Object(model, { examples: [exampleModel] })

export const ModelList = t.Object(
  { object: t.Literal('list'), data: t.Array(Model) },
  { examples: [{ object: 'list', data: [exampleModel] }] },
)

export const ModelParams = t.Object({ model: t.String({ examples: ['whisper-1'] }) })

const text = { type: 'string' as const }

const SHARED = {
  file: { ...text, format: 'binary', description: 'wav, mp3, flac, m4a, ogg, webm, mp4 and others' },
  model: { ...text, default: 'whisper-1', description: 'A model that `/v1/models` lists' },
  response_format: { ...text, enum: [...TRANSLATION_FORMATS], default: 'json' },
  track: {
    ...text,
    pattern: '^([1-9]\\d{0,2})?$',
    default: '',
    description: 'Number of the audio track to transcribe, from 1; not a field of OpenAI’s',
  },
  prompt: { ...text, default: '', description: OPTIONS.prompt.description },
  keywords: { ...text, default: '', description: OPTIONS.keywords.description },
  replace: { ...text, default: '', description: OPTIONS.replace.description },
  languages: {
    ...text,
    default: '',
    description: 'The only languages that may be detected, separated by commas. Not with `language`',
  },
  temperature: OPTIONS.temperature,
  quality: {
    ...OPTIONS.quality,
    description: `${OPTIONS.quality.description}; not a field of OpenAI’s`,
  },
}

/** Written as OpenAPI, since the routes parse their bodies themselves. */
const formOf = (properties: Record<string, object>) => ({
  required: true,
  content: { 'multipart/form-data': { schema: { type: 'object' as const, required: ['file'], properties } } },
})

export const transcriptionForm = formOf({
  ...SHARED,
  response_format: {
    ...text,
    enum: [...RESPONSE_FORMATS],
    default: 'json',
    description: '`diarized_json` tells speakers apart, with every model',
  },
  'known_speaker_names[]': {
    type: 'array' as const,
    items: text,
    maxItems: 4,
    description: 'Names of speakers, each with a sample; speakers who have none of these voices are letters',
  },
  'known_speaker_references[]': {
    type: 'array' as const,
    items: text,
    maxItems: 4,
    description: 'A sample of 2 to 10 seconds for each name, as a data URL (`data:audio/wav;base64,…`)',
  },
  speakers: { ...text, default: '', description: OPTIONS.speakers.description },
  min_speakers: { ...text, default: '', description: OPTIONS.min_speakers.description },
  max_speakers: { ...text, default: '', description: OPTIONS.max_speakers.description },
  language: {
    ...text,
    default: '',
    description:
      'A language as a code (`de`), a tag (`de-AT`, `zh-TW`) or an English name; if it is missing, the language ' +
      'is detected',
  },
  'timestamp_granularities[]': {
    type: 'array' as const,
    items: { ...text, enum: [...GRANULARITIES] },
    description: 'The units whose timestamps `verbose_json` contains; default `segment`',
  },
  'include[]': {
    type: 'array' as const,
    items: { ...text, enum: ['logprobs'] },
    description:
      '`logprobs` adds the log-probabilities of words (not tokens) to `json` and to `transcript.text.done`. The list ' +
      'is empty if the engine reports none (hosted)',
  },
  stream: {
    ...text,
    enum: ['false', 'true'],
    default: 'false',
    description:
      'Server-sent events: `transcript.text.delta` for each finished segment, with `diarized_json` ' +
      '`transcript.text.segment` for each segment when all are transcribed, then `transcript.text.done`',
  },
})

export const translationForm = formOf(SHARED)
