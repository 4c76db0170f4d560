import type { TSchema } from '@sinclair/typebox'
import { type ValueError, ValueErrorType } from '@sinclair/typebox/errors'

/** The path of a value may contain keys that the client chose. */
const MAX_FIELD_LENGTH = 100

/**
 * Describes a TypeBox error in one sentence: the schema's own message (`error`), or the field and the
 * expected value. It never contains the value, which may be large, deeply nested or secret.
 */
export function fieldProblem(error: ValueError | undefined): string {
  if (!error) return 'The request is invalid'
  if (typeof error.schema.error === 'string') return error.schema.error
  const field = error.path.split('/').filter(Boolean).join('.').slice(0, MAX_FIELD_LENGTH)
  if (error.type === ValueErrorType.ObjectRequiredProperty) return `${field} is missing: ${expected(error)}`
  return field ? `${field}: ${expected(error)}` : expected(error)
}

function expected({ schema, message }: ValueError): string {
  const choices: unknown = schema.enum
  if (Array.isArray(choices)) return `expected ${choices.join(' or ')}`
  const alternatives: TSchema[] = schema.anyOf ?? []
  if (alternatives.length > 0) {
    return `expected ${alternatives.map(({ const: value, type }) => value ?? type).join(' or ')}`
  }
  if (message === 'Expected required property') return `expected ${schema.type ?? 'a value'}`
  return message.charAt(0).toLowerCase() + message.slice(1)
}
