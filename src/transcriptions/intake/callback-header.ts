import { quoted } from '../../errors.ts'
import { invalidField } from './field-values.ts'

const MAX_LENGTH = 1000
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
/** RFC 9110 §5.5, without bytes above 0x7F, whose encoding receivers do not agree on. */
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/
/** Headers that the service sets, or that frame the message. */
const RESERVED =
  /^(?:host|content-.*|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|accept-encoding|user-agent|webhook-.*)$/i

/** The header of messages about an upload; null if neither field is set. Throws `validation`. */
export function parseCallbackHeader(
  { name, value }: { name: string | null | undefined; value: string | null | undefined },
  fields: { name: string; value: string },
): { name: string; value: string } | null {
  if (!name && !value) return null
  if (!name) throw invalidField(fields.name, `is missing, but ${fields.value} is set: send both or neither`)
  if (!value) throw invalidField(fields.value, `is missing, but ${fields.name} is set: send both or neither`)
  if (name.length > MAX_LENGTH || !TOKEN.test(name)) {
    throw invalidField(fields.name, `is ${quoted(name)}; it takes the name of a header, such as X-Secret`)
  }
  if (RESERVED.test(name)) {
    throw invalidField(
      fields.name,
      `is ${quoted(name)}, a header that this service sets: choose another name`,
    )
  }
  // The value is secret: the message does not repeat it.
  if (value.length > MAX_LENGTH || !VALUE.test(value)) {
    throw invalidField(
      fields.value,
      `is no value of a header: it takes at most ${MAX_LENGTH} ASCII characters without line breaks`,
    )
  }
  return { name, value }
}
