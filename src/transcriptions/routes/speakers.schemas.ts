import { t } from 'elysia'
import { errorResponses } from '../../http/openapi/statuses.ts'
import { nullable } from '../../http/schema.ts'
import { MAX_NAME_LENGTH } from '../speakers/names.ts'
import { Speakers } from './transcript.schemas.ts'

const exampleSpeaker = { id: 'A', name: 'Ada', seconds: 61.4, segments: 12 }

/** Any key: without a pattern, keys with line breaks would be properties that the schema does not describe. */
const SpeakerId = t.String({ pattern: '^[\\s\\S]*$' })

export const SpeakerNames = t.Record(SpeakerId, nullable(t.String({ maxLength: MAX_NAME_LENGTH })), {
  maxProperties: 200,
  examples: [{ A: 'Ada' }],
})

export const NamedSpeakers = t.Object({ speakers: Speakers }, { examples: [{ speakers: [exampleSpeaker] }] })

export const speakersDetail = {
  summary: 'Name the speakers',
  description:
    'The body has a name for each `id` that you want to change, such as `{"A": "Ada"}`; null takes a name away. ' +
    'Speakers with the same name become one, which keeps the first `id`; send the other `id` with another name ' +
    'or null to separate them again. All formats of the transcript follow at once.',
}

const ID = '123e4567-e89b-12d3-a456-426614174000'

const exampleVoice = { id: ID, name: 'Ada', seconds: 8.2, created_at: '2023-01-01T12:00:00.000Z' }

export const Voice = t.Object(
  {
    id: t.String({ format: 'uuid' }),
    name: t.String(),
    seconds: t.Number({ description: 'Seconds of speech in the sample' }),
    created_at: t.String({ format: 'date-time' }),
  },
  { examples: [exampleVoice] },
)

export const Voices = t.Object({ voices: t.Array(Voice) }, { examples: [{ voices: [exampleVoice] }] })

export const VoiceParams = t.Object({ id: t.String({ description: 'The id of the voice', examples: [ID] }) })

/** Written by hand, because the route parses its form itself. */
const sampleForm = {
  required: true,
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object' as const,
        required: ['name', 'audio'],
        properties: {
          name: {
            type: 'string' as const,
            minLength: 1,
            maxLength: MAX_NAME_LENGTH,
            description: 'Unique among your voices',
          },
          audio: {
            type: 'string' as const,
            format: 'binary',
            description: '2 to 30 seconds in which only this person speaks, in any format of an upload',
          },
        },
      },
    },
  },
}

export const enrollDetail = {
  summary: 'Enroll the voice of a person',
  description:
    'Speakers of later transcriptions who have this voice get this name. The sample is transcribed like an upload ' +
    'and counts as one; it is deleted before the response. What is kept is an embedding of the voice, which is ' +
    'biometric data: enroll only people who have agreed.',
  requestBody: sampleForm,
}

export const removeVoiceDetail = {
  summary: 'Delete a voice',
  description: 'Names that transcriptions already have stay.',
  responses: { 204: { description: 'The voice is deleted' }, ...errorResponses(401, 403, 404, 429) },
}
