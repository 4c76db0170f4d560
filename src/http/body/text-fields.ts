import { VerbatimError } from '../../errors.ts'

const MAX_FIELD_BYTES = 64 * 1024
/** Of all fields of a form together. */
const MAX_FORM_BYTES = 128 * 1024

/**
 * A form's text fields, one after the other. Of two with one name, the later holds; those whose name ends in `[]` are put
 * together with commas. Throws `validation` if one of them, or all together, are too long.
 */
export function textFields() {
  const all = new Map<string, string>()
  let name = ''
  let text = ''
  let bytes = 0
  let formBytes = 0
  let decoder = new TextDecoder()

  return {
    all,
    open(of: string) {
      name = of
      text = ''
      bytes = 0
      decoder = new TextDecoder()
    },
    write(piece: Uint8Array) {
      bytes += piece.length
      formBytes += piece.length
      if (bytes > MAX_FIELD_BYTES) {
        throw new VerbatimError(
          'validation',
          `The form field ${name.slice(0, 40)} is longer than ${MAX_FIELD_BYTES} bytes`,
        )
      }
      if (formBytes > MAX_FORM_BYTES) {
        throw new VerbatimError(
          'validation',
          `The form's text fields are longer than ${MAX_FORM_BYTES} bytes together`,
        )
      }
      text += decoder.decode(piece, { stream: true })
    },
    end() {
      const value = text + decoder.decode()
      const before = name.endsWith('[]') ? all.get(name) : undefined
      all.set(name, before === undefined ? value : `${before},${value}`)
    },
  }
}
