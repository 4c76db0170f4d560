import { t } from 'elysia'
import { ENGINE_CHOICES, QUALITIES } from '../../engines/engine.ts'
import { IDEMPOTENCY_KEY } from '../../http/headers/idempotency-key.ts'
import { MAX_PROMPT_LENGTH } from '../intake/hints.ts'
import { EXAMPLE_ID, PREFER_WAIT } from '../transcriptions.schemas.ts'

export const Accepted = t.Object(
  { message: t.String(), transcription_id: t.String({ format: 'uuid' }) },
  { examples: [{ message: 'Transcription started', transcription_id: EXAMPLE_ID }] },
)

/** Swagger UI prefills each form field with its default, or with an invented value if it has none. */
const SECONDS = { type: 'string' as const, pattern: '^(\\d{1,7}(\\.\\d{1,9})?)?$', default: '' }

const SPEAKER_COUNT = { type: 'string' as const, pattern: '^([1-9]\\d?)?$', default: '' }

export const OPTIONS = {
  language: {
    type: 'string' as const,
    default: 'en',
    description:
      'A language as a code (`de`, `deu`), a tag (`de-AT`) or an English name (`German`), or `auto` to detect it. ' +
      '`zh-CN` and `zh-Hans` return simplified characters, `zh-TW` and `zh-Hant` traditional ones',
  },
  task: { type: 'string' as const, enum: ['transcribe', 'translate'], default: 'transcribe' },
  words: {
    type: 'string' as const,
    enum: ['false', 'true'],
    default: 'false',
    description: '`true` (also `1`, `yes`, `on`) adds start and end times to each word',
  },
  quality: {
    type: 'string' as const,
    enum: ['', ...QUALITIES],
    default: '',
    description:
      'Accuracy against time: `fast`, `balanced` or `best`. Without it, the server’s default applies ' +
      '(`DEFAULT_QUALITY`). Only the sidecar uses it',
  },
  engine: {
    type: 'string' as const,
    enum: ['', ...ENGINE_CHOICES],
    default: '',
    description: 'Send the audio only to this engine, if the server has it',
  },
  model: {
    type: 'string' as const,
    default: '',
    maxLength: 200,
    description:
      'Transcribe with this model: an id or alias of `GET /v1/models`. Without it, the server’s default applies',
  },
  verify: {
    type: 'string' as const,
    enum: ['false', 'true'],
    default: 'false',
    description:
      '`true` decodes text that the model was not sure of again with a second, larger model, if the server has one ' +
      '(`VERIFY_MODEL`). Segments that it replaced have `verified_by`',
  },
  channels: {
    type: 'string' as const,
    enum: ['mix', 'split'],
    default: 'mix',
    description: '`split` transcribes each channel separately; segments then have a `channel`',
  },
  track: {
    type: 'string' as const,
    pattern: '^([1-9]\\d{0,2})?$',
    default: '',
    description:
      'Number of the audio track to transcribe, from 1. Without it, the service chooses; the status lists the ' +
      'tracks of a file that has several',
  },
  start: { ...SECONDS, description: 'Transcribe from this time, in seconds' },
  end: { ...SECONDS, description: 'Transcribe up to this time, in seconds' },
  prompt: {
    type: 'string' as const,
    default: '',
    maxLength: MAX_PROMPT_LENGTH,
    description:
      'Text in the style and with the names that you expect, in the language of the audio. The model reads the ' +
      'last 223 tokens. The engine `hosted` ignores it',
  },
  keywords: {
    type: 'string' as const,
    default: '',
    description:
      'Words that you expect, such as names, separated by commas. The field may be repeated, and JSON may have a ' +
      'list. At most 100 keywords with 1000 characters in all. The engine `hosted` ignores them',
  },
  replace: {
    type: 'string' as const,
    default: '',
    description:
      'Words to write differently than the model: `cube flow:Kubeflow`. The field may be repeated, and JSON may have ' +
      'a list of `{"heard": "…", "written": "…"}`. At most 200 pairs of at most 100 characters on each side',
  },
  languages: {
    type: 'string' as const,
    default: '',
    description:
      'With `language=auto`: the only languages that may be detected, separated by commas. The field may be ' +
      'repeated, and JSON may have a list. Only the sidecar uses it',
  },
  temperature: {
    type: 'number' as const,
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'Has no effect: engines choose it by their confidence. Above 0, the result has a warning',
  },
  speakers: {
    type: 'string' as const,
    default: '',
    description:
      '`true` tells speakers apart; a number (1 to 50) does too, and says how many there are. Segments and words ' +
      'then have a `speaker`. With `channels=split`, the number is that of each channel',
  },
  min_speakers: { ...SPEAKER_COUNT, description: 'The least number of speakers; tells speakers apart' },
  max_speakers: { ...SPEAKER_COUNT, description: 'The greatest number of speakers; tells speakers apart' },
  webhook_url: {
    type: 'string' as const,
    default: '',
    description:
      'Receives a webhook message when the transcription has finished. An https URL on the public internet. ' +
      'Messages are signed with the secret of `POST /api/webhooks/uploads/secret`',
  },
}

const AUDIO = {
  type: 'string' as const,
  format: 'binary',
  description: 'wav, mp3, flac, m4a, ogg, webm, mp4 or another format that ffmpeg reads',
}

const AUDIO_URL = {
  type: 'string' as const,
  default: '',
  description:
    'URL from which the server downloads the audio, instead of `audio`. An http(s) URL on the public internet',
}

/** Written by hand, because the upload routes parse their bodies themselves. */
const uploadForm = {
  required: true,
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object' as const,
        properties: { audio: AUDIO, audio_url: AUDIO_URL, ...OPTIONS },
        anyOf: [{ required: ['audio'] }, { required: ['audio_url'] }],
      },
    },
    'application/json': {
      schema: {
        type: 'object' as const,
        required: ['audio_url'],
        properties: { audio_url: { ...AUDIO_URL, minLength: 1 }, ...OPTIONS },
      },
    },
  },
}

const uploadBody = { required: true, content: { 'audio/*': { schema: AUDIO } } }

type Option = { type: 'string' | 'number'; description?: string; [key: string]: unknown }

/** If the body is the audio itself, the options are query parameters. */
const uploadQuery = Object.entries(OPTIONS).map(([name, { description, ...schema }]: [string, Option]) => ({
  name,
  in: 'query' as const,
  schema,
  ...(description && { description }),
}))

export const uploadFormDetail = {
  summary: 'Upload a recording',
  description:
    'Responds as soon as the audio is stored. Read the transcription with the returned id. Instead of `audio`, ' +
    'you can send `audio_url` in the form, as JSON or in the query; the server then downloads the audio from ' +
    `there. ${PREFER_WAIT}`,
  parameters: [IDEMPOTENCY_KEY],
  requestBody: uploadForm,
}

export const uploadBodyDetail = {
  summary: 'Upload a recording as the request body',
  description:
    'Same as the form, for `curl -T talk.mp3`. A POST request works the same way. `audio/L16;rate=16000` (RFC ' +
    '2586), `audio/L8` and `audio/L24` are samples without a header.',
  parameters: [...uploadQuery, IDEMPOTENCY_KEY],
  requestBody: uploadBody,
}
