import { quoted, VerbatimError } from '../../errors.ts'

/** Parsers of form fields. Their errors name the field, the value and what the field takes. */
export type Fields = ReadonlyMap<string, string>

const TRUE = ['true', '1', 'yes', 'on']
const FALSE = ['false', '0', 'no', 'off']

/** Accepts any case. An empty text is false; null if it is no boolean. */
export function booleanIn(text: string): boolean | null {
  const value = text.trim().toLowerCase()
  if (value === '' || FALSE.includes(value)) return false
  return TRUE.includes(value) ? true : null
}

/** False if the field is missing or empty. Throws `validation`. */
export function parseBoolean(fields: Fields, name: string): boolean {
  const text = fields.get(name) ?? ''
  const value = booleanIn(text)
  if (value !== null) return value
  throw invalidField(name, `is ${quoted(text)}; it takes true or false (also 1/0, yes/no, on/off)`)
}

/** The first choice is the default. Throws `validation`. */
export function parseChoice<const T extends string>(
  fields: Fields,
  name: string,
  choices: readonly [T, ...T[]],
): T {
  const text = fields.get(name) || choices[0]
  const choice = choices.find((name) => name === text)
  if (choice) return choice
  throw invalidField(name, `is ${quoted(text)}; it takes ${choices.join(' or ')}`)
}

/** The items of a list, separated by commas or line breaks, or a JSON array of strings. Throws `validation`. */
export function parseList(fields: Fields, name: string): string[] {
  const text = fields.get(name) ?? ''
  const items = parseJsonList(text)?.map((item) => textOf(item, name)) ?? text.match(/[^,\n]+/g) ?? []
  return items.map((item) => item.trim()).filter((item) => item !== '')
}

function textOf(item: unknown, name: string): string {
  if (typeof item !== 'object') return String(item)
  throw invalidField(name, `has the item ${quoted(JSON.stringify(item))}; it takes a list of texts`)
}

/** The items of a JSON array; null for any other text. */
export function parseJsonList(text: string): unknown[] | null {
  if (!text.trimStart().startsWith('[')) return null
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

export function invalidField(field: string, problem: string) {
  return new VerbatimError('validation', `${field} ${problem}`, { field })
}
