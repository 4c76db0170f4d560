import { EngineOverloaded } from '../engine.ts'

/** The engine transcribes no span now. No span is sent until `retryAfterSeconds` have passed. */
export class EngineAway extends EngineOverloaded {
  override name = 'EngineAway'
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
])

/** When to try to reach a server again. */
export const UNREACHABLE_SECONDS = 5

/** Whether a request reached no server, so that the span cannot be the cause. */
export function isUnreachable(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && UNREACHABLE.has(String(error.code))
}
