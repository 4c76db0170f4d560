import { quoted } from '../../errors.ts'
import { storableText } from '../../storable-text.ts'
import { type Fields, invalidField, parseJsonList } from './field-values.ts'

const MAX_PAIRS = 200
/** Of each side of a pair. */
const MAX_LENGTH = 100

/** Words that the model may hear, and what the transcript has instead. */
export type Replacement = { heard: string; written: string }

/**
 * Parses the field `replace`: pairs `heard:written`, `heard=>written` or `heard→written` on lines of their own
 * or separated by commas, or a JSON list of such texts or of `{"heard", "written"}`. Throws `validation`.
 */
export function parseReplacements(fields: Fields): Replacement[] {
  const text = fields.get('replace') ?? ''
  const items: unknown[] = parseJsonList(text) ?? text.split('\n').flatMap(itemsOfLine)
  if (items.length > MAX_PAIRS) {
    throw invalidField('replace', `has ${items.length} pairs; it takes at most ${MAX_PAIRS}`)
  }
  return items.map((item) => checked(typeof item === 'string' ? pairOfText(item) : pairOfObject(item)))
}

/** The list of a JSON body arrives as a line for each item. A comma may also belong to what is written. */
function itemsOfLine(line: string): unknown[] {
  if (line.trim() === '') return []
  const object = line.trimStart().startsWith('{') ? parseJsonList(`[${line}]`) : null
  if (object) return object
  const items = line.split(',').filter((item) => item.trim() !== '')
  return items.every((item) => SEPARATOR.test(item)) ? items : [line]
}

/** An arrow first, so that a time such as `10:30` can be one of its sides. */
const SEPARATOR = /=>|→|:/
const ARROW = /=>|→/

function pairOfText(text: string): Replacement {
  const separator = (ARROW.exec(text) ?? SEPARATOR.exec(text))?.[0]
  if (separator === undefined) {
    throw invalidField('replace', `has ${quoted(text)}; it takes pairs such as heard:written`)
  }
  const at = text.indexOf(separator)
  return { heard: text.slice(0, at), written: text.slice(at + separator.length) }
}

function pairOfObject(item: unknown): Replacement {
  if (typeof item === 'object' && item !== null && 'heard' in item && 'written' in item) {
    const { heard, written } = item
    if (typeof heard === 'string' && typeof written === 'string') return { heard, written }
  }
  throw invalidField(
    'replace',
    `has ${quoted(JSON.stringify(item))}; it takes {"heard": "…", "written": "…"}`,
  )
}

function checked(pair: Replacement): Replacement {
  const clean = { heard: cleaned(pair.heard), written: cleaned(pair.written) }
  const sides = [clean.heard, clean.written]
  if (sides.includes('')) {
    throw invalidField('replace', `has ${quoted(`${pair.heard}:${pair.written}`)}; neither side may be empty`)
  }
  const long = sides.find(({ length }) => length > MAX_LENGTH)
  if (!long) return clean
  throw invalidField('replace', `has a text of ${long.length} characters; it takes at most ${MAX_LENGTH}`)
}

const cleaned = (text: string) => storableText(text).normalize('NFC').trim().replace(/\s+/g, ' ')
