import { t } from 'elysia'
import { nullable } from '../http/schema.ts'
import { OPTIONS } from '../transcriptions/routes/upload.schemas.ts'
import { EXAMPLE_ID } from '../transcriptions/transcriptions.schemas.ts'
import { NOT_OFFERED, STATUSES } from './transcript.ts'

export const BASE = 'http://localhost:3000'

export const IdParams = t.Object({
  id: t.String({ description: 'The transcript’s id', examples: [EXAMPLE_ID] }),
})

export const UploadedFile = t.Object(
  { upload_url: t.String({ description: 'The `audio_url` of a transcript; only its user can use it' }) },
  { examples: [{ upload_url: `${BASE}/assemblyai/v2/upload/${EXAMPLE_ID}` }] },
)

export const uploadDetail = {
  summary: 'Upload a file (AssemblyAI-compatible)',
  description:
    'The `upload_url` is valid for a day. The file counts towards the storage quota. Its first transcript takes ' +
    'it over: deleting that transcript deletes the file.',
  requestBody: {
    required: true,
    content: {
      'application/octet-stream': { schema: { type: 'string' as const, format: 'binary' } },
    },
  },
}

const optional = <T extends Parameters<typeof nullable>[0]>(schema: T) => t.Optional(nullable(schema))

const speakerCount = t.Integer({ minimum: 1, maximum: 50, description: 'Only with `speaker_labels`' })

const milliseconds = { minimum: 0, maximum: 1e12 }

/** Members that are not listed are checked by `uploadFields`. */
export const TranscriptRequest = t.Object(
  {
    audio_url: t.String({ minLength: 1, description: 'An `upload_url`, or a public http or https URL' }),
    language_code: optional(
      t.String({
        description: 'A code such as `de`, `en_us` or `zh_TW`; without it, as `language` of an upload',
      }),
    ),
    language_detection: optional(t.Boolean({ description: 'Detects the language' })),
    multichannel: optional(t.Boolean({ description: 'Transcribes each channel separately' })),
    dual_channel: optional(t.Boolean({ description: 'The same as `multichannel`' })),
    audio_start_from: optional(t.Integer({ ...milliseconds, description: 'Milliseconds' })),
    audio_end_at: optional(t.Integer({ ...milliseconds, description: 'Milliseconds' })),
    keyterms_prompt: optional(t.Array(t.String(), { description: OPTIONS.keywords.description })),
    word_boost: optional(t.Array(t.String(), { description: 'More of `keyterms_prompt`' })),
    prompt: optional(t.String({ description: OPTIONS.prompt.description })),
    quality: optional(
      t.String({ description: `${OPTIONS.quality.description}. Not an option of AssemblyAI’s` }),
    ),
    temperature: optional(t.Number({ minimum: 0, maximum: 1, description: OPTIONS.temperature.description })),
    custom_spelling: optional(
      t.Array(t.Object({ from: t.Array(t.String()), to: t.String() }), {
        description: 'Words to replace in the transcript',
      }),
    ),
    punctuate: optional(t.Boolean({ description: '`false` is not offered' })),
    format_text: optional(t.Boolean({ description: '`false` is not offered' })),
    speaker_labels: optional(t.Boolean({ description: 'Tells speakers apart' })),
    speakers_expected: optional(speakerCount),
    speaker_options: optional(
      t.Object({
        min_speakers_expected: optional(speakerCount),
        max_speakers_expected: optional(speakerCount),
      }),
    ),
    webhook_url: optional(
      t.String({
        description:
          'Receives `{transcript_id, status}` when the transcript is completed or has failed. An https URL on the ' +
          'public internet, or on a private network that the operator allows',
      }),
    ),
    webhook_auth_header_name: optional(t.String({ description: 'A header of the message' })),
    webhook_auth_header_value: optional(t.String({ description: 'It is stored encrypted' })),
  },
  {
    additionalProperties: true,
    examples: [{ audio_url: 'https://example.com/talk.mp3', language_code: 'en_us' }],
  },
)

const word = {
  text: t.String(),
  start: t.Integer({ description: 'Milliseconds from the start of the audio' }),
  end: t.Integer(),
  confidence: t.Number({ description: 'From 0 to 1; 0 if the engine does not return it' }),
  channel: nullable(t.String({ description: 'Channel number from 1; null without `multichannel`' })),
  speaker: nullable(
    t.String({ description: 'With `speaker_labels` the letter of the speaker, else the same as `channel`' }),
  ),
}

const Word = t.Object(word)
const Passage = t.Object({ ...word, words: t.Array(Word) })

const exampleWord = { text: 'Hello.', start: 60, end: 480, confidence: 0.98, channel: null, speaker: null }

const head = {
  id: t.String({ format: 'uuid' }),
  confidence: t.Number(),
  audio_duration: t.Integer({ description: 'Seconds' }),
  speech_model_used: nullable(t.String()),
}

const exampleHead = {
  id: EXAMPLE_ID,
  confidence: 0.98,
  audio_duration: 1,
  speech_model_used: 'Systran/faster-whisper-base',
}

export const Sentences = t.Object(
  { ...head, sentences: t.Array(Passage) },
  { examples: [{ ...exampleHead, sentences: [{ ...exampleWord, words: [exampleWord] }] }] },
)

export const Paragraphs = t.Object(
  { ...head, paragraphs: t.Array(Passage) },
  { examples: [{ ...exampleHead, paragraphs: [{ ...exampleWord, words: [exampleWord] }] }] },
)

const notOffered = {
  acoustic_model: t.String(),
  language_model: t.String(),
  speech_model: t.Null(),
  language_confidence: t.Null(),
  language_confidence_threshold: t.Null(),
  punctuate: t.Boolean(),
  format_text: t.Boolean(),
  auto_chapters: t.Boolean(),
  auto_highlights: t.Boolean(),
  content_safety: t.Boolean(),
  disfluencies: t.Boolean(),
  entity_detection: t.Boolean(),
  filter_profanity: t.Boolean(),
  iab_categories: t.Boolean(),
  redact_pii: t.Boolean(),
  sentiment_analysis: t.Boolean(),
  speaker_labels: t.Boolean(),
  summarization: t.Boolean(),
  auto_highlights_result: t.Null(),
  chapters: t.Null(),
  content_safety_labels: t.Null(),
  entities: t.Null(),
  iab_categories_result: t.Null(),
  sentiment_analysis_results: t.Null(),
  speakers_expected: t.Null(),
  summary: t.Null(),
  summary_model: t.Null(),
  summary_type: t.Null(),
}

export const status = t.UnionEnum([...STATUSES], {
  description: 'A canceled transcription has the status `error`',
})

export const Transcript = t.Object(
  {
    id: t.String({ format: 'uuid' }),
    status,
    audio_url: t.String({ description: 'A signed link to the original, which expires' }),
    audio_duration: nullable(t.Integer({ description: 'Seconds; null until the audio is decoded' })),
    audio_start_from: nullable(t.Integer()),
    audio_end_at: nullable(t.Integer()),
    language_code: nullable(t.String({ description: 'With detection, null until it is known' })),
    language_codes: nullable(t.Array(t.String(), { description: 'The detected languages' })),
    multichannel: t.Boolean(),
    text: nullable(t.String()),
    words: nullable(
      t.Array(Word, {
        description: 'Empty if the engine returned no words, or for an upload to `/api` without `words=true`',
      }),
    ),
    utterances: nullable(
      t.Array(Passage, {
        description: 'What each speaker (`speaker_labels`) or channel (`multichannel`) says',
      }),
    ),
    confidence: nullable(t.Number()),
    speech_model_used: nullable(t.String()),
    error: nullable(t.String({ description: 'Why the status is `error`' })),
    webhook_url: nullable(t.String()),
    webhook_status_code: nullable(
      t.Integer({ description: 'Status of the latest response to the message; null if there was none' }),
    ),
    webhook_auth: t.Boolean({ description: 'Whether the message has a header of the client' }),
    webhook_auth_header_name: nullable(t.String()),
    ...notOffered,
  },
  {
    examples: [
      {
        ...NOT_OFFERED,
        ...exampleHead,
        status: 'completed',
        audio_url: `${BASE}/api/transcriptions/${EXAMPLE_ID}/audio?expires=1672578000&signature=9134…`,
        audio_start_from: null,
        audio_end_at: null,
        language_code: 'en',
        language_codes: ['en'],
        multichannel: false,
        text: 'Hello.',
        words: [exampleWord],
        utterances: null,
        error: null,
      },
    ],
  },
)

export const CaptionsQuery = t.Object({
  chars_per_caption: t.Optional(
    t.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'Maximum characters of a caption. Without it, as the format of `/api/transcriptions`',
    }),
  ),
})

/** The detail of a route that returns subtitles. */
export const captionsDetail = ({
  type,
  format,
  errors,
}: {
  type: string
  format: string
  errors: Record<string, { description: string; content: object }>
}) => ({
  summary: `Read the transcript as ${format} (AssemblyAI-compatible)`,
  responses: {
    200: { description: 'The subtitles', content: { [type]: { schema: { type: 'string' as const } } } },
    ...errors,
  },
})
