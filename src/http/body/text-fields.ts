import { VerbatimError } from '../../errors.ts'
import { fieldCollector } from '../../fields.ts'

/** Maximum bytes of one text field, and of all text fields of a form together. */
export type TextLimits = { fieldBytes: number; formBytes: number }

export const TEXT_LIMITS: TextLimits = { fieldBytes: 64 * 1024, formBytes: 128 * 1024 }

/**
 * Collects a form's text fields, as `fieldCollector` does. Throws `validation` if one field, or all of them
 * together, are too long.
 */
export function textFields(lists: ReadonlySet<string>, { fieldBytes, formBytes: maxFormBytes }: TextLimits) {
  const { all, add } = fieldCollector(lists)
  let name = ''
  let text = ''
  let bytes = 0
  let formBytes = 0
  let decoder = new TextDecoder()

  return {
    all,
    open(field: string) {
      name = field
      text = ''
      bytes = 0
      decoder = new TextDecoder()
    },
    write(chunk: Uint8Array) {
      bytes += chunk.length
      formBytes += chunk.length
      if (bytes > fieldBytes) {
        throw new VerbatimError(
          'validation',
          `The form field ${name.slice(0, 40)} is longer than the limit of ${fieldBytes} bytes`,
        )
      }
      if (formBytes > maxFormBytes) {
        throw new VerbatimError(
          'validation',
          `The form's text fields together are longer than the limit of ${maxFormBytes} bytes`,
        )
      }
      text += decoder.decode(chunk, { stream: true })
    },
    end() {
      add(name, text + decoder.decode())
    },
  }
}
