import { t } from 'elysia'
import { byStatus, ERRORS, type ErrorStatus } from '../http/openapi/statuses.ts'
import type { ErrorResponse } from '../http/problems.ts'
import { OPTIONS } from '../transcriptions/routes/upload.schemas.ts'
import { EXAMPLE_ID, Warnings } from '../transcriptions/transcriptions.schemas.ts'
import { HINTS, IGNORED, NOT_OFFERED } from './parameters.ts'

const DeepgramError = t.Object(
  {
    err_code: t.String({ description: 'A word for programs' }),
    err_msg: t.String({ description: 'One sentence that describes the problem' }),
    request_id: t.String({ description: 'As in the header `X-Request-Id`' }),
  },
  { title: 'Deepgram’s error' },
)

/** Deepgram's codes. Other errors have the code of this service in capitals. */
const CODES = new Map([
  [400, 'Bad Request'],
  [401, 'INVALID_AUTH'],
  [403, 'INSUFFICIENT_PERMISSIONS'],
  [408, 'SLOW_UPLOAD'],
  [429, 'TOO_MANY_REQUESTS'],
])

/** The error body that Deepgram's clients parse. */
export function deepgramError({ status, error, code, field }: ErrorResponse, requestId: string) {
  const isRemote = field !== 'callback' && (code === 'url_failed' || code === 'url_refused')
  return {
    err_code: isRemote ? 'REMOTE_CONTENT_ERROR' : (CODES.get(status) ?? code.toUpperCase()),
    err_msg: error,
    request_id: requestId,
  }
}

/** The errors of a route, as `errorSchemas` documents them, with Deepgram's body. */
function deepgramErrors<Status extends ErrorStatus>(...statuses: Status[]) {
  return byStatus(statuses, (status) => {
    const { meaning, example } = ERRORS[status]
    const body = deepgramError({ ...example, status, field: null, headers: {} }, EXAMPLE_ID)
    return t.Object(DeepgramError.properties, {
      ...DeepgramError,
      description: meaning,
      examples: [body],
    })
  })
}

const confidence = t.Number({ description: 'From 0 to 1; 0 if the engine reports none' })

const speaker = t.Optional(t.Integer({ description: 'Number of the speaker from 0; only with `diarize`' }))

const Word = t.Object({
  word: t.String({ description: 'In lower case, without punctuation' }),
  start: t.Number(),
  end: t.Number(),
  confidence,
  punctuated_word: t.String(),
  speaker,
})

const Paragraphs = t.Object({
  transcript: t.String({ description: 'Paragraphs with an empty line between them' }),
  paragraphs: t.Array(
    t.Object({
      sentences: t.Array(t.Object({ text: t.String(), start: t.Number(), end: t.Number() })),
      num_words: t.Integer(),
      speaker,
      start: t.Number(),
      end: t.Number(),
    }),
  ),
})

const Channel = t.Object({
  alternatives: t.Array(
    t.Object({
      transcript: t.String(),
      confidence,
      words: t.Array(Word),
      paragraphs: t.Optional(Paragraphs),
    }),
    { description: 'Always one' },
  ),
  detected_language: t.Optional(t.String({ description: 'The language of most of the channel’s speech' })),
})

const Metadata = t.Object({
  transaction_key: t.Literal('deprecated'),
  request_id: t.String(),
  sha256: t.String({ description: 'Of the audio' }),
  created: t.String({ format: 'date-time' }),
  duration: t.Number({ description: 'Length of the audio in seconds' }),
  channels: t.Integer({ description: '1 without `multichannel`' }),
  models: t.Array(t.String({ description: 'A key of `model_info`' })),
  model_info: t.Record(
    t.String(),
    t.Object({ name: t.String(), version: t.String(), arch: t.String({ description: 'The engine' }) }),
  ),
  warnings: t.Optional(Warnings),
  tags: t.Optional(t.Array(t.String())),
  extra: t.Optional(t.Record(t.String(), t.String())),
})

const Utterance = t.Object({
  id: t.String({ format: 'uuid' }),
  start: t.Number(),
  end: t.Number(),
  confidence,
  channel: t.Integer({ description: 'From 0' }),
  transcript: t.String(),
  words: t.Array(Word),
  speaker,
})

const exampleWord = { word: 'hello', start: 0.1, end: 0.5, confidence: 0.98, punctuated_word: 'Hello.' }

const example = {
  metadata: {
    transaction_key: 'deprecated',
    request_id: EXAMPLE_ID,
    sha256: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
    created: '2023-01-01T12:00:00.000Z',
    duration: 1.2,
    channels: 1,
    models: ['Systran/faster-whisper-base'],
    model_info: {
      'Systran/faster-whisper-base': { name: 'Systran/faster-whisper-base', version: '', arch: 'sidecar' },
    },
  },
  results: {
    channels: [{ alternatives: [{ transcript: 'Hello.', confidence: 0.98, words: [exampleWord] }] }],
  },
}

const ListenResponse = t.Object(
  {
    metadata: Metadata,
    results: t.Object({ channels: t.Array(Channel), utterances: t.Optional(t.Array(Utterance)) }),
  },
  { title: 'Deepgram’s response', examples: [example] },
)

const Accepted = t.Object(
  { request_id: t.String({ format: 'uuid', description: 'The id of the transcription' }) },
  { title: 'With `callback`', additionalProperties: false },
)

export const answers = {
  200: t.Union([ListenResponse, Accepted]),
  ...deepgramErrors(400, 401, 403, 404, 408, 409, 413, 415, 429, 500, 502, 503, 507),
}

const boolean = { type: 'boolean' as const, default: false }
const text = { type: 'string' as const }
const list = { type: 'array' as const, items: text }

type Parameter = { description: string; [key: string]: unknown } & (
  | { type: 'string' | 'boolean' | 'number' }
  | { type: 'array'; items: { type: 'string' } }
)

const PARAMETERS: Record<string, Parameter> = {
  model: {
    ...text,
    default: 'nova-3',
    description:
      'Any of Deepgram’s models for recordings means the default model of this service; the id of a model that an engine runs chooses it, and `sidecar`, `hosted` and ' +
      '`openai` send the audio to that engine only',
  },
  language: { ...text, default: 'en', description: `${OPTIONS.language.description}; \`multi\` detects too` },
  detect_language: {
    ...list,
    description:
      '`true` detects the language. One language is taken as it is; of several, all are candidates',
  },
  multichannel: { ...boolean, description: 'Transcribes each channel separately' },
  diarize: {
    ...boolean,
    description: 'Tells speakers apart: words, paragraphs and utterances have a `speaker`',
  },
  diarize_model: {
    ...text,
    default: '',
    description: 'Any value means `diarize=true`, as `diarize_version` does',
  },
  diarize_version: { ...text, default: '', description: 'As `diarize_model`' },
  paragraphs: { ...boolean, description: 'Adds paragraphs and sentences' },
  utterances: { ...boolean, description: 'Adds utterances: speech between pauses' },
  utt_split: {
    type: 'number' as const,
    exclusiveMinimum: 0,
    default: 0.8,
    description: 'The pause between two utterances, in seconds',
  },
  keyterm: { ...list, description: 'Words and names that you expect. The engine `hosted` ignores them' },
  keywords: { ...list, description: 'As `keyterm`. A boost, as in `Ada:2`, is accepted and has no effect' },
  replace: { ...list, description: 'Replaces text in the transcript: `heard:written`' },
  tag: { ...list, description: 'Returned as `metadata.tags`' },
  extra: { ...list, description: '`name:value`, returned in `metadata.extra`' },
  callback: {
    ...text,
    description:
      'Receives the response when the recording is transcribed, or the error; the request is answered with its ' +
      '`request_id` at once. An https URL on the public internet, or on a private network that the operator allows. ' +
      'A user name and password in it are sent as `Authorization: Basic`',
  },
  callback_method: {
    ...text,
    enum: ['POST', 'PUT'],
    default: 'POST',
    description: 'The method of the message',
  },
  quality: {
    ...OPTIONS.quality,
    description: `${OPTIONS.quality.description}. Not a parameter of Deepgram’s`,
  },
  track: { ...OPTIONS.track, description: `${OPTIONS.track.description}. Not a parameter of Deepgram’s` },
  ...Object.fromEntries(HINTS.map((name) => [name, { ...boolean, description: 'Accepted without effect' }])),
}

const parameters = Object.entries(PARAMETERS).map(([name, { description, ...schema }]) => ({
  name,
  in: 'query' as const,
  schema,
  description,
}))

const quotedNames = (names: Iterable<string>) => [...names].map((name) => `\`${name}\``).join(', ')

export const listenDetail = {
  summary: 'Transcribe a recording (Deepgram-compatible)',
  description: `For Deepgram’s clients: the base URL is this service’s \`/deepgram\`, the key an API key of this service, sent as \
\`Authorization: Token <key>\`. The response comes when the whole audio is transcribed. The transcription and its audio are removed with the \
response, or when the client disconnects. With \`callback\` they are kept, as for an upload to \`/api\`, and the response is sent to that URL: \
it is signed and retried as messages to a \`webhook_url\` are, and \`/api/webhooks/uploads/deliveries\` lists the attempts.

Refused unless they are \`false\` or empty: ${quotedNames(NOT_OFFERED.keys())}. Accepted without effect: ${quotedNames(IGNORED)}.`,
  parameters,
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: {
          type: 'object' as const,
          required: ['url'],
          properties: {
            url: {
              ...text,
              minLength: 1,
              description: 'Where the service downloads the audio. An http(s) URL on the public internet',
            },
          },
          examples: [{ url: 'https://example.com/talk.mp3' }],
        },
      },
      'audio/*': {
        schema: { ...text, format: 'binary', description: 'The audio itself, with any Content-Type' },
      },
    },
  },
}
