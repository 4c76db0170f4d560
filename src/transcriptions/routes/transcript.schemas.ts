import { t } from 'elysia'
import { ENGINE_CHOICES } from '../../engines/engine.ts'
import { booleanText, nullable } from '../../http/schema.ts'
import { TRANSCRIPT_FORMATS, TYPES } from '../transcript/formats.ts'
import { EXAMPLE_ID, STATUSES, Warnings } from '../transcriptions.schemas.ts'

const TEXT = 'With `channels=split` or speakers, one line for each turn, without labels'

const SpeakerOf = t.Optional(
  t.Nullable(t.String({ examples: ['A'] }), {
    description: 'An `id` of `speakers`; only if the upload asked for speakers. Null if it is unknown',
  }),
)

const Word = t.Object({
  start: t.Number(),
  end: t.Number(),
  word: t.String(),
  probability: nullable(t.Number()),
  speaker: SpeakerOf,
})

export const Speakers = t.Nullable(
  t.Array(
    t.Object({
      id: t.String({ examples: ['A'] }),
      name: nullable(t.String()),
      channel: t.Optional(t.Integer({ description: 'Only with `channels=split`' })),
      seconds: t.Number({ description: 'How long the speaker speaks' }),
      segments: t.Integer({ description: 'Number of the segments of the speaker' }),
    }),
  ),
  {
    description:
      'In the order in which they begin to speak. Null if the upload did not ask for speakers, until the ' +
      'transcription is completed, and if speakers could not be told apart, which `warnings` explains',
  },
)

const transcript = {
  id: t.String({ format: 'uuid' }),
  status: t.UnionEnum([...STATUSES]),
  language: nullable(t.String()),
  languages: t.Array(t.String(), {
    description: 'Detected languages, the one with the most speech first',
  }),
  duration: t.Number({ description: 'Length of the audio in seconds' }),
  engines: t.Array(
    t.Object({
      engine: t.UnionEnum([...ENGINE_CHOICES]),
      model: t.String(),
      seconds: t.Number(),
    }),
    { description: 'Engines and models that transcribed the audio, with the seconds that each transcribed' },
  ),
  warnings: Warnings,
  speakers: Speakers,
  text: t.String({ description: TEXT }),
  segments: t.Array(
    t.Object({
      start: t.Number({ description: 'Seconds from the start of the audio' }),
      end: t.Number(),
      text: t.String(),
      speaker: SpeakerOf,
      verified_by: t.Optional(
        nullable(
          t.String({
            description:
              'With `verify`: the model that decoded the segment again; null: the first text stayed',
          }),
        ),
      ),
      language: nullable(t.String()),
      channel: t.Optional(t.Integer({ description: 'Channel number from 0; only with `channels=split`' })),
      words: t.Optional(
        t.Array(Word, { description: 'Only with `words=true`; empty if the engine returned no words' }),
      ),
    }),
  ),
}

const exampleTranscript = {
  id: EXAMPLE_ID,
  status: 'completed',
  language: 'en',
  languages: ['en'],
  duration: 2.7,
  engines: [{ engine: 'sidecar', model: 'Systran/faster-whisper-base', seconds: 2.7 }],
  warnings: [],
  speakers: null,
  text: 'The old library stands beside the river.',
  segments: [{ start: 0.06, end: 2.69, text: 'The old library stands beside the river.', language: 'en' }],
}

export const Transcript = t.Object(transcript, { examples: [exampleTranscript] })

export const VerboseTranscript = t.Object(
  {
    task: t.UnionEnum(['transcribe', 'translate']),
    language: t.String({ description: 'English name of the language', examples: ['english'] }),
    duration: t.Number({ description: 'Length of the audio in seconds' }),
    text: t.String({ description: TEXT }),
    segments: t.Array(
      t.Object({
        id: t.Number({ multipleOf: 1 }),
        seek: t.Number({ multipleOf: 1, description: 'The start in hundredths of a second' }),
        start: t.Number({ description: 'Seconds from the start of the audio' }),
        end: t.Number(),
        text: t.String(),
        tokens: t.Array(t.Number(), { description: 'Always empty: engines do not return tokens' }),
        temperature: t.Number({ description: 'Always 0: engines do not return the temperature' }),
        avg_logprob: t.Number({
          description: '0 if the engine does not return it, like the next two fields',
        }),
        compression_ratio: t.Number(),
        no_speech_prob: t.Number(),
        speaker: SpeakerOf,
        verified_by: t.Optional(
          nullable(
            t.String({
              description:
                'With `verify`: the model that decoded the segment again; null: the first text stayed',
            }),
          ),
        ),
      }),
    ),
    warnings: Warnings,
    words: t.Optional(
      t.Array(t.Object({ word: t.String(), start: t.Number(), end: t.Number(), speaker: SpeakerOf }), {
        description: 'Only if the upload had `words=true`',
      }),
    ),
  },
  { title: 'OpenAI’s verbose_json, with `warnings`' },
)

export const DiarizedTranscript = t.Object(
  {
    task: t.Literal('transcribe'),
    duration: t.Number({ description: 'Length of the audio in seconds' }),
    text: t.String({ description: TEXT }),
    segments: t.Array(
      t.Object({
        type: t.Literal('transcript.text.segment'),
        id: t.String(),
        start: t.Number(),
        end: t.Number(),
        speaker: t.String({ description: 'The name or letter of the speaker; `unknown` if there is none' }),
        text: t.String(),
      }),
    ),
    usage: t.Object({ type: t.Literal('duration'), seconds: t.Number() }),
  },
  { title: 'OpenAI’s diarized_json' },
)

export const TranscriptQuery = t.Object({
  partial: t.Optional(
    booleanText({
      name: 'partial',
      description: '`true` returns the part that is finished, also of a failed or canceled transcription',
    }),
  ),
  format: t.Optional(
    t.UnionEnum([...TRANSCRIPT_FORMATS], {
      description: 'Takes precedence over `Accept`. Without either, the format is `json`',
      // Elysia would use the first value as the default.
      default: undefined,
    }),
  ),
  bom: t.Optional(
    booleanText({
      name: 'bom',
      description:
        '`true` starts the file with a UTF-8 byte order mark, by which televisions and Windows programs detect ' +
        'UTF-8. For `srt`, `vtt`, `txt` and `tsv` only: JSON must not have one (RFC 8259)',
    }),
  ),
})

const MEDIA_TYPES = [...TYPES.keys()].map((type) => `\`${type}\``).join(', ')

export const transcriptDetail = {
  summary: 'Read the transcript as JSON, plain text or subtitles',
  description: `Returns the requested \`format\`, or else the first of ${MEDIA_TYPES} that \`Accept\` prefers.

With \`channels=split\`, cues of different channels may overlap: \`vtt\` marks each cue with a voice tag \`<v Channel 1>\`, \
\`srt\` starts it with \`Channel 1: \`. \`txt\` has one line for each turn, also starting with \`Channel 1: \`. Audio with one channel has no labels.

If the upload asked for speakers, the labels are their names or letters, and \`tsv\` has a column \`speaker\` before the text. \`diarized_json\` and \`rttm\` \
need such an upload, and are requested by name only; \`rttm\` lists the speaker turns with the overlapping ones.`,
}

export const WaveformQuery = t.Object({
  samples_per_pixel: t.Optional(
    t.Integer({
      minimum: 800,
      maximum: 80_000_000,
      default: 800,
      description: 'A multiple of 800 (50 ms)',
      error: 'samples_per_pixel must be a multiple of 800, from 800 to 80000000',
    }),
  ),
})

const waveform = {
  version: t.Integer(),
  channels: t.Integer(),
  sample_rate: t.Integer(),
  samples_per_pixel: t.Integer(),
  bits: t.Integer(),
  length: t.Integer({ description: 'Number of pixels' }),
  data: t.Array(t.Integer({ minimum: -128, maximum: 127 }), {
    description: 'The minimum and maximum sample of each channel, pixel by pixel',
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

export const waveformDetail = {
  summary: 'Read the waveform',
  description: "Returns audiowaveform's JSON, which Peaks.js, wavesurfer.js and other players can draw.",
}
