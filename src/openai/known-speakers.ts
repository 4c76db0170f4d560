import { quoted, VerbatimError } from '../errors.ts'
import { holdEphemeral } from '../transcriptions/ephemeral.ts'
import { type Fields, invalidField } from '../transcriptions/intake/field-values.ts'
import type { KnownVoice } from '../transcriptions/speakers/known-voices.ts'
import { parseName } from '../transcriptions/speakers/names.ts'
import { SAMPLE_FIELDS } from '../transcriptions/speakers/voice-sample.ts'
import type { OpenaiRoutesServices } from './openai.routes.ts'

const NAMES = 'known_speaker_names'
const REFERENCES = 'known_speaker_references'
const MAX_SPEAKERS = 4
const MAX_REFERENCE_SECONDS = 10

/** Four references of ten seconds, such as wav of 44.1 kHz in stereo, as base64. */
export const TEXT_LIMITS = { fieldBytes: 4 * 2 ** 20, formBytes: 16 * 2 ** 20 }

export type KnownSpeaker = { name: string; audio: Uint8Array<ArrayBuffer> }

/** Parses OpenAI's `known_speaker_names[]` and `known_speaker_references[]`. Throws `validation`. */
export function parseKnownSpeakers(fields: Fields): KnownSpeaker[] {
  const names = linesOf(fields, NAMES).map(parseName)
  const references = linesOf(fields, REFERENCES)
  if (names.length !== references.length) {
    throw invalidField(
      NAMES,
      `has ${names.length} names, and ${REFERENCES} has ${references.length} samples: send one for each name`,
    )
  }
  if (names.length > MAX_SPEAKERS)
    throw invalidField(NAMES, `has ${names.length} names; it takes at most ${MAX_SPEAKERS}`)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw invalidField(NAMES, `has the name ${quoted(twice)} twice`)
  return names.map((name, index) => ({ name, audio: audioOf(references[index] ?? '') }))
}

/** A data URL has commas, so that only lines separate the items. */
const linesOf = (fields: Fields, name: string) =>
  (fields.get(name) ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

function audioOf(url: string): Uint8Array<ArrayBuffer> {
  const comma = url.indexOf(',')
  const head = url.slice(0, comma)
  if (comma < 0 || !head.startsWith('data:') || !head.endsWith(';base64')) {
    throw invalidField(REFERENCES, `has ${quoted(url)}; it takes data URLs such as data:audio/wav;base64,…`)
  }
  try {
    return Uint8Array.from(atob(url.slice(comma + 1)), (character) => character.charCodeAt(0))
  } catch {
    throw invalidField(REFERENCES, 'has invalid base64')
  }
}

/** Hears the voices of references, each as an ephemeral transcription. Throws `unusable_sample`, which names the speaker. */
export function hearKnownSpeakers(
  { beginUpload, transcriptions, stopping }: OpenaiRoutesServices,
  {
    speakers,
    ...origin
  }: Omit<Parameters<typeof holdEphemeral>[1], 'id'> & { speakers: readonly KnownSpeaker[] },
): Promise<KnownVoice[]> {
  const { userId } = origin

  async function hear({ name, audio }: KnownSpeaker): Promise<KnownVoice> {
    await using intake = await beginUpload({ userId, isEphemeral: true })
    const stored = await intake.store(new Blob([audio]).stream())
    const id = await intake.commit({ fields: new Map(SAMPLE_FIELDS), file: { filename: null, stored } })
    await using held = holdEphemeral({ transcriptions, stopping }, { ...origin, id })
    await held.completion()
    const { embedding } = await transcriptions.voiceIn({ id, userId, maxSeconds: MAX_REFERENCE_SECONDS })
    return { name, embedding }
  }

  return Promise.all(
    speakers.map((speaker) =>
      hear(speaker).catch((error: unknown) => {
        if (!(error instanceof VerbatimError)) throw error
        const message = `The reference of ${quoted(speaker.name)}: ${error.message}`
        throw new VerbatimError(error.code, message, { cause: error, field: REFERENCES })
      }),
    ),
  )
}
