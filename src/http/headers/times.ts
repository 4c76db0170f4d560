import { quoted, VerbatimError } from '../../errors.ts'

const DAY_MS = 86_400_000
const DAY = /^[12]\d{3}-\d{2}-\d{2}$/
const TIME = /^[12]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** Parses a time, or the start or end of a day (UTC), of the query parameter `name`. Throws `validation`. */
export function parseTime(name: string, text: string, side: 'start' | 'end'): Date {
  const isDay = DAY.test(text)
  const time = new Date(isDay || TIME.test(text) ? text : Number.NaN)
  if (Number.isNaN(time.getTime()) || !isDate(text.slice(0, 10))) {
    throw new VerbatimError(
      'validation',
      `${name} is ${quoted(text)}; it takes a day such as 2023-01-31 or a time such as 2023-01-31T12:00:00Z`,
    )
  }
  return isDay && side === 'end' ? new Date(time.getTime() + DAY_MS) : time
}

/** `Date` parses 2023-02-31 as 3 March. */
const isDate = (day: string) => new Date(day).toISOString().startsWith(day)
