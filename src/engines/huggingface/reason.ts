import { isNestedDeeper } from '../../json-depth.ts'

const MAX_LEVELS = 16

/** An answer's body as JSON; null if it is none, or nested deeper than 16 levels. */
export function parsedBody(text: string): unknown {
  if (isNestedDeeper(text, MAX_LEVELS)) return null
  try {
    return JSON.parse(text)
  } catch {
    // An HTML page from a proxy, say.
    return null
  }
}

/**
 * The reason in an error body: Hugging Face and its providers put it under `error`, `detail`, `message` or `msg`, as a
 * sentence, or as a list or an object of more of the same. Null where there is none.
 */
export function reasonIn(told: unknown): string | null {
  if (typeof told === 'string') return told
  if (Array.isArray(told)) return told.map(reasonIn).filter(Boolean).join('; ') || null
  if (typeof told !== 'object' || told === null) return null
  const { error, detail, message, msg }: Record<string, unknown> = { ...told }
  return reasonIn(error ?? detail ?? message ?? msg) ?? JSON.stringify(told)
}

/** Seconds until the model is loaded, as a 503 of the hosted API tells them; null where it does not. */
export function loadingSeconds(body: unknown): number | null {
  if (typeof body !== 'object' || body === null || !('estimated_time' in body)) return null
  const { estimated_time: seconds } = body
  return typeof seconds === 'number' && seconds > 0 ? seconds : null
}
