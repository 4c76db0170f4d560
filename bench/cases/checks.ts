import type { Expected } from './entries.ts'
import { normalise } from './normalise.ts'
import type { Observed } from './observe.ts'

type Check = { isMet: boolean; fault: string }

/** Tolerance of `word_at`, in seconds. */
const TOLERANCE = 0.6

/** Whether one of the alternatives in `part`, separated by `|`, satisfies `isMet`. */
export function matchesAny(part: string, isMet: (choice: string) => boolean): boolean {
  return part.split('|').some(isMet)
}

/** The checks that the keys of an entry ask for, made on a completed transcription. */
export function checksOf(expected: Expected, observed: Observed): Check[] {
  return [
    ...checkText(expected, observed),
    ...checkTimes(expected, observed),
    ...checkRest(expected, observed),
  ]
}

function checkText({ contains, contains_none, count, text }: Expected, observed: Observed): Check[] {
  const transcript = normalise(observed.text ?? '')
  const checks: Check[] = []
  for (const part of contains ?? []) {
    const isMet = matchesAny(part, (choice) => transcript.includes(normalise(choice)))
    checks.push({ isMet, fault: `lacks "${part}"` })
  }
  for (const word of contains_none ?? []) {
    checks.push({ isMet: !` ${transcript} `.includes(` ${normalise(word)} `), fault: `has "${word}"` })
  }
  for (const [part, times] of Object.entries(count ?? {})) {
    const found = transcript.split(normalise(part)).length - 1
    checks.push({ isMet: found === times, fault: `has "${part}" ${found} times, not ${times}` })
  }
  if (text !== undefined) {
    const isMet = matchesAny(text, (choice) => transcript === normalise(choice))
    checks.push({ isMet, fault: `the text is not "${text}"` })
  }
  return checks
}

function checkTimes(expected: Expected, { segments, words, duration }: Observed): Check[] {
  const { first_start_min: min, first_start_max: max, word_at, duration: range } = expected
  const first = words[0]?.start ?? segments[0]?.start ?? Number.NaN
  const checks: Check[] = []
  if (min !== undefined) checks.push({ isMet: first >= min, fault: `starts at ${first}, before ${min}` })
  if (max !== undefined) checks.push({ isMet: first <= max, fault: `starts at ${first}, after ${max}` })
  for (const [word, at] of Object.entries(word_at ?? {})) {
    const start = words.find((other) => normalise(other.word) === word)?.start ?? Number.NaN
    const isMet = Math.abs(start - at) <= TOLERANCE
    checks.push({ isMet, fault: `the first "${word}" is at ${start}, not at ${at}` })
  }
  if (range) {
    const [least, most] = range
    const isMet = duration !== null && duration >= least && duration <= most
    checks.push({ isMet, fault: `the duration is ${duration}, not ${least} to ${most}` })
  }
  return checks
}

function checkRest(expected: Expected, observed: Observed): Check[] {
  const { language, has, has_none, stored_filename, warning } = expected
  const checks: Check[] = []
  if (language !== undefined) {
    const fault = `the language is ${observed.language}, not ${language}`
    checks.push({ isMet: observed.language === language, fault })
  }
  for (const key of has ?? []) checks.push({ isMet: observed[key].length > 0, fault: `has no ${key}` })
  for (const key of has_none ?? []) checks.push({ isMet: observed[key].length === 0, fault: `has ${key}` })
  if (stored_filename !== undefined) {
    const isMet = matchesAny(stored_filename, (choice) => observed.filename === choice)
    checks.push({ isMet, fault: `the file name is ${JSON.stringify(observed.filename)}` })
  }
  if (warning !== undefined) {
    checks.push({ isMet: observed.warnings.includes(warning), fault: `lacks the warning ${warning}` })
  }
  return checks
}
