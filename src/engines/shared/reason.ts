import { isNestedDeeper } from '../../json-depth.ts'

const MAX_LEVELS = 16

/** Parses a response body; null if it is not JSON, or is nested deeper than 16 levels. */
export function parsedBody(text: string): unknown {
  if (isNestedDeeper(text, MAX_LEVELS)) return null
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON, such as the HTML page of a proxy.
    return null
  }
}

/**
 * The reason in an error body. Servers use the fields `error`, `detail`, `message` and `msg`, with a sentence, or
 * with a list or an object of such values. Null if there is none.
 */
export function reasonIn(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(reasonIn).filter(Boolean).join('; ') || null
  if (typeof value !== 'object' || value === null) return null
  const { error, detail, message, msg }: Record<string, unknown> = { ...value }
  return reasonIn(error ?? detail ?? message ?? msg) ?? JSON.stringify(value)
}
