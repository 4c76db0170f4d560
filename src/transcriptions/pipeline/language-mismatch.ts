import type { Warning } from '../../warnings.ts'
import { languageName } from '../../whisper-languages.ts'
import type { Transcription } from '../transcriptions.store.ts'

/** A stretch of speech, and the language that an engine heard in it. */
export type Heard = { seconds: number; language: string; probability: number }

// Whisper detected the language of 5 s of speech correctly in all measured cases. In 1 to 3 s it was often
// wrong, mostly with a probability of 0.4 to 0.8.
const MIN_PROBABILITY = 0.8
const MIN_SECONDS = 5
/** Of all speech. In a recording in several languages, the others are not a mistake. */
const MIN_SHARE = 0.5

/** Languages that sound so alike that Whisper takes one for the other with a high probability. */
const ALIKE = [
  ['bs', 'hr', 'sr'],
  ['hi', 'ur'],
  ['id', 'ms'],
  ['nn', 'no'],
  ['yue', 'zh'],
]

type Requested = Pick<Transcription, 'language' | 'task' | 'isLanguageDefault'>

/**
 * The warning that another language was heard than `row.language`, which is not `auto`. `used`: the language
 * of most of the text, which differs if no language was requested. Null if the evidence is weak.
 */
export function languageMismatch({
  row,
  used,
  heard,
  speechSeconds,
}: {
  row: Requested
  used: string | null
  heard: Heard[]
  /** All speech, also that in which no language was heard. */
  speechSeconds: number
}): Warning | null {
  if (row.isLanguageDefault && used !== null && used !== row.language) {
    return warning(
      `No language was given. ${languageName(used)} was heard${sureness(heard, used)} and used instead of the default, ${languageName(row.language)}.`,
    )
  }
  const other = clearlyHeard({ row, heard, speechSeconds })
  if (other === null) return null
  const requested = row.isLanguageDefault
    ? `No language was given, and the default, ${languageName(row.language)}, was used`
    : `${languageName(row.language)} was requested`
  const meaning =
    row.task === 'translate' ? ' The field language is the spoken one, not that of the translation.' : ''
  return warning(
    `${requested}, but ${languageName(other)} was heard${sureness(heard, other)}. If that is right, upload the file again with the language ${other} or auto.${meaning}`,
  )
}

const warning = (message: string): Warning => ({ code: 'language_mismatch', message })

/** The language that was heard with certainty in most of the speech, if it is another one. */
function clearlyHeard({
  row,
  heard,
  speechSeconds,
}: {
  row: Requested
  heard: Heard[]
  speechSeconds: number
}): string | null {
  const seconds = new Map<string, number>()
  for (const { language, probability, seconds: more } of heard) {
    if (probability >= MIN_PROBABILITY) seconds.set(language, (seconds.get(language) ?? 0) + more)
  }
  const least = Math.max(MIN_SECONDS, MIN_SHARE * speechSeconds)
  const clear = [...seconds].find(([language, all]) => all >= least && !isAlike(language, row.language))
  return clear?.[0] ?? null
}

function isAlike(one: string, other: string): boolean {
  return one === other || ALIKE.some((group) => group.includes(one) && group.includes(other))
}

/** ` (97 % sure)`: the mean probability by seconds. Empty if no engine reported one. */
function sureness(heard: Heard[], language: string): string {
  const matching = heard.filter((stretch) => stretch.language === language)
  const seconds = matching.reduce((sum, stretch) => sum + stretch.seconds, 0)
  if (seconds === 0) return ''
  const mean = matching.reduce((sum, stretch) => sum + stretch.probability * stretch.seconds, 0) / seconds
  return ` (${Math.round(100 * mean)} % sure)`
}
