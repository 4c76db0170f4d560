import { quoted } from '../../errors.ts'
import { booleanIn, type Fields, invalidField } from './field-values.ts'

const MAX_SPEAKERS = 50

/** Whether speakers are recognized, and the least and the greatest number of them; null: unknown. */
type SpeakerOptions = { diarize: boolean; minSpeakers: number | null; maxSpeakers: number | null }

/** Parses the fields `speakers`, `min_speakers` and `max_speakers`. Throws `validation`. */
export function parseSpeakers(fields: Fields): SpeakerOptions {
  const text = fields.get('speakers')?.trim() ?? ''
  const minSpeakers = parseCount(fields, 'min_speakers')
  const maxSpeakers = parseCount(fields, 'max_speakers')
  const hasRange = minSpeakers !== null || maxSpeakers !== null
  if (minSpeakers !== null && maxSpeakers !== null && minSpeakers > maxSpeakers) {
    throw invalidField(
      'max_speakers',
      `is ${maxSpeakers}; it must not be less than min_speakers (${minSpeakers})`,
    )
  }
  if (/^\d+$/.test(text) && Number(text) > 0) {
    const exact = parseCount(fields, 'speakers')
    if (hasRange)
      throw invalidField('speakers', `is ${exact}: send min_speakers and max_speakers with speakers=true`)
    return { diarize: true, minSpeakers: exact, maxSpeakers: exact }
  }
  const isRequested = booleanIn(text)
  if (text !== '' && isRequested === false) {
    if (hasRange) throw invalidField('speakers', 'is false: leave min_speakers and max_speakers out')
    return { diarize: false, minSpeakers: null, maxSpeakers: null }
  }
  if (isRequested === null) {
    throw invalidField(
      'speakers',
      `is ${quoted(text)}; it takes true or false, or the number of speakers (1 to ${MAX_SPEAKERS})`,
    )
  }
  return { diarize: isRequested || hasRange, minSpeakers, maxSpeakers }
}

function parseCount(fields: Fields, name: string): number | null {
  const text = fields.get(name)?.trim() ?? ''
  if (text === '') return null
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= MAX_SPEAKERS) return count
  throw invalidField(name, `is ${quoted(text)}; it takes a whole number from 1 to ${MAX_SPEAKERS}`)
}
