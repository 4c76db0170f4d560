import { t } from 'elysia'
import { nullable } from '../http/schema.ts'
import { TRANSCRIPT_FORMATS } from './transcript/formats.ts'

const ID = '123e4567-e89b-12d3-a456-426614174000'

export const IdParams = t.Object({ id: t.String({ description: 'The `transcription_id`', examples: [ID] }) })

export const Accepted = t.Object(
  { message: t.String(), transcription_id: t.String({ format: 'uuid' }) },
  { examples: [{ message: 'Transcription started', transcription_id: ID }] },
)

const status = {
  id: t.String({ format: 'uuid' }),
  audio_file: nullable(
    t.String({
      format: 'uri',
      description: 'The original, at a link that expires after an hour; null once it is removed',
    }),
  ),
  transcription: nullable(t.String({ description: 'The text, once completed' })),
  status: t.UnionEnum(['queued', 'processing', 'completed', 'failed', 'canceled']),
  created_at: t.String({ format: 'date-time', examples: ['2023-01-01T12:00:00Z'] }),
  language: t.String({
    description: 'As asked for; with `auto`, what was heard once completed',
    examples: ['en'],
  }),
  task: t.String({ examples: ['transcribe'] }),
  channels: t.UnionEnum(['mix', 'split']),
  start: nullable(t.Number({ description: 'Of the part that was asked for, in seconds' })),
  end: nullable(t.Number()),
  progress: t.Number({ minimum: 0, maximum: 1, description: 'Transcribed seconds over all seconds' }),
  queue_position: nullable(
    t.Number({ multipleOf: 1, description: 'Transcriptions before it that are not over; null once it is' }),
  ),
  estimated_seconds: nullable(
    t.Number({ description: 'Until it is over, at the speed of late; null while that is not known' }),
  ),
  duration: nullable(t.Number({ description: 'Seconds of audio, once decoded' })),
  filename: nullable(t.String()),
  size: t.Number({ description: 'Bytes of the original' }),
  sha256: t.String({ description: 'Of the original, in hex' }),
  codec: t.Nullable(t.String({ examples: ['mp3'] }), {
    description: 'Null until it is known, where the API runs without a decoder',
  }),
  completed_at: nullable(t.String({ format: 'date-time' })),
  failure: nullable(t.Object({ code: t.String(), error: t.String() })),
}

const exampleStatus = {
  id: ID,
  audio_file: `http://localhost:3000/api/transcriptions/${ID}/audio?expires=1672578000&signature=9134…`,
  transcription: 'The old library stands beside the river.',
  status: 'completed',
  created_at: '2023-01-01T12:00:00Z',
  language: 'en',
  task: 'transcribe',
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
  completed_at: '2023-01-01T12:00:03Z',
  failure: null,
}

export const Status = t.Object(status, { examples: [exampleStatus] })

const STATUSES = ['queued', 'processing', 'completed', 'failed', 'canceled'] as const

const day = (description: string) => t.Optional(t.String({ description, examples: ['2023-01-31'] }))

export const ListQuery = t.Object({
  cursor: t.Optional(t.String({ maxLength: 200, description: 'The `next_cursor` of the page before' })),
  limit: t.Optional(
    t.Integer({ minimum: 1, maximum: 100, default: 20, error: 'limit takes a whole number from 1 to 100' }),
  ),
  status: t.Optional(t.UnionEnum([...STATUSES], { default: undefined })),
  language: t.Optional(t.String({ maxLength: 40, description: 'As the status tells it', examples: ['en'] })),
  created_from: day('From this time or day (UTC) on'),
  created_to: day('Before this time, or up to the end of this day (UTC)'),
  q: t.Optional(
    t.String({
      maxLength: 200,
      description: 'Words of the text or the file name, in any order; the last may be the beginning of one',
    }),
  ),
})

const Count = t.Number({ multipleOf: 1 })

const exampleList = {
  transcriptions: [
    {
      id: ID,
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
      size: t.Number({ description: 'Bytes of the original' }),
      duration: nullable(t.Number({ description: 'Seconds of audio, once decoded' })),
      progress: t.Number({ minimum: 0, maximum: 1 }),
      excerpt: nullable(t.String({ description: 'The first 200 letters of the text, once completed' })),
      failure: nullable(t.Object({ code: t.String(), error: t.String() })),
    }),
  ),
  next_cursor: nullable(t.String({ description: 'Of the next page; null on the last one' })),
  counts: t.Optional(
    t.Object(
      { queued: Count, processing: Count, completed: Count, failed: Count, canceled: Count },
      { description: 'Of all your transcriptions, whatever was asked for; on the first page' },
    ),
  ),
}

export const List = t.Object(list, { examples: [exampleList] })

const Word = t.Object({
  start: t.Number(),
  end: t.Number(),
  word: t.String(),
  probability: nullable(t.Number()),
})

const transcript = {
  id: t.String({ format: 'uuid' }),
  status: t.UnionEnum(['queued', 'processing', 'completed', 'failed', 'canceled']),
  language: nullable(t.String()),
  languages: t.Array(t.String(), { description: 'Heard, the one with most speech first' }),
  duration: t.Number({ description: 'Seconds' }),
  engines: t.Array(
    t.Object({ engine: t.UnionEnum(['sidecar', 'hosted']), model: t.String(), seconds: t.Number() }),
    { description: 'Who did how much of it' },
  ),
  text: t.String(),
  segments: t.Array(
    t.Object({
      start: t.Number({ description: 'Seconds from the start of the audio' }),
      end: t.Number(),
      text: t.String(),
      language: nullable(t.String()),
      channel: t.Optional(t.Integer({ description: 'From 0; where channels are transcribed apart' })),
      words: t.Optional(
        t.Array(Word, { description: 'Where they were asked for and the engine gives them' }),
      ),
    }),
  ),
}

const exampleTranscript = {
  id: ID,
  status: 'completed',
  language: 'en',
  languages: ['en'],
  duration: 2.7,
  engines: [{ engine: 'sidecar', model: 'Systran/faster-whisper-base', seconds: 2.7 }],
  text: 'The old library stands beside the river.',
  segments: [{ start: 0.06, end: 2.69, text: 'The old library stands beside the river.', language: 'en' }],
}

export const Transcript = t.Object(transcript, { examples: [exampleTranscript] })

export const VerboseTranscript = t.Object(
  {
    task: t.UnionEnum(['transcribe', 'translate']),
    language: t.String({ description: 'Its English name', examples: ['english'] }),
    duration: t.Number({ description: 'Seconds' }),
    text: t.String(),
    segments: t.Array(
      t.Object({
        id: t.Number({ multipleOf: 1 }),
        seek: t.Number({ multipleOf: 1, description: 'The start in hundredths of a second' }),
        start: t.Number({ description: 'Seconds from the start of the audio' }),
        end: t.Number(),
        text: t.String(),
        tokens: t.Array(t.Number(), { description: 'Empty: engines do not tell them' }),
        temperature: t.Number({ description: '0: engines do not tell it' }),
        avg_logprob: t.Number({ description: '0 where the engine does not tell it, as the next two' }),
        compression_ratio: t.Number(),
        no_speech_prob: t.Number(),
      }),
    ),
    words: t.Optional(
      t.Array(t.Object({ word: t.String(), start: t.Number(), end: t.Number() }), {
        description: 'Where they were asked for at upload',
      }),
    ),
  },
  { title: 'OpenAI’s verbose_json' },
)

export const TranscriptQuery = t.Object({
  partial: t.Optional(
    t.UnionEnum(['false', 'true'], {
      default: 'false',
      description: 'Gives what is done by now, also of one that failed or was canceled',
    }),
  ),
  format: t.Optional(
    t.UnionEnum([...TRANSCRIPT_FORMATS], {
      description: 'Goes before `Accept`; without either it is `json`',
      // Elysia would make it the first.
      default: undefined,
    }),
  ),
})

export const WaveformQuery = t.Object({
  samples_per_pixel: t.Optional(
    t.Integer({
      minimum: 800,
      maximum: 80_000_000,
      default: 800,
      description: 'A multiple of 800 (50 ms)',
      error: 'samples_per_pixel takes a multiple of 800, from 800 to 80000000',
    }),
  ),
})

const waveform = {
  version: t.Integer(),
  channels: t.Integer(),
  sample_rate: t.Integer(),
  samples_per_pixel: t.Integer(),
  bits: t.Integer(),
  length: t.Integer({ description: 'Pixels' }),
  data: t.Array(t.Integer({ minimum: -128, maximum: 127 }), {
    description: 'For each pixel, of each channel by turns, the least and the greatest sample',
  }),
}

const exampleWaveform = {
  version: 2,
  channels: 1,
  sample_rate: 16000,
  samples_per_pixel: 800,
  bits: 8,
  length: 3,
  data: [-1, 1, -42, 40, -3, 2],
}

export const Waveform = t.Object(waveform, { examples: [exampleWaveform] })

/** Swagger fills a form's fields with their defaults, or else makes something up: so each has one. */
const SECONDS = { type: 'string' as const, pattern: '^(\\d{1,7}(\\.\\d{1,9})?)?$', default: '' }

const OPTIONS = {
  language: {
    type: 'string' as const,
    default: 'en',
    description: 'A language code, or `auto` to detect',
  },
  task: { type: 'string' as const, enum: ['transcribe', 'translate'], default: 'transcribe' },
  words: {
    type: 'string' as const,
    enum: ['false', 'true'],
    default: 'false',
    description: 'Times of words',
  },
  engine: {
    type: 'string' as const,
    enum: ['', 'sidecar', 'hosted'],
    default: '',
    description: 'Sends the audio to this engine alone, of those that the service has',
  },
  channels: {
    type: 'string' as const,
    enum: ['mix', 'split'],
    default: 'mix',
    description: '`split` transcribes each channel apart: segments then carry `channel`',
  },
  start: { ...SECONDS, description: 'Seconds from which on to transcribe' },
  end: { ...SECONDS, description: 'Seconds up to which to transcribe' },
  webhook_url: {
    type: 'string' as const,
    default: '',
    description:
      'Told when the transcription is over, as a webhook is: an https URL on the public internet. Signed with the secret of `POST /api/webhooks/uploads/secret`',
  },
}

const AUDIO = {
  type: 'string' as const,
  format: 'binary',
  description: 'wav, mp3, flac, m4a, ogg, webm, mp4 and whatever else ffmpeg reads',
}

const AUDIO_URL = {
  type: 'string' as const,
  default: '',
  description: 'Where the audio is fetched from, in place of `audio`: an http(s) URL on the public internet',
}

/** By hand, since the routes read their bodies themselves. */
export const uploadForm = {
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

export const uploadBody = { required: true, content: { 'audio/*': { schema: AUDIO } } }

/** A form's options stand in the query where the body is the audio alone. */
export const uploadQuery = Object.entries(OPTIONS).map(
  ([name, { description, ...schema }]: [string, Option]) => ({
    name,
    in: 'query' as const,
    schema,
    ...(description && { description }),
  }),
)

type Option = { type: 'string'; description?: string; [key: string]: unknown }
