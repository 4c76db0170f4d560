import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { VerbatimError } from '../../errors.ts'
import { isNestedDeeper } from '../../json-depth.ts'
import { readTextUpTo } from '../../read-body.ts'

/** Several times the size of three minutes of speech with word times. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024
/** A transcript has 5 levels. The parser needs seconds for JSON that is nested much deeper. */
const MAX_LEVELS = 16
/** Enough to find the sentence in an error's body. */
const MAX_REASON_BYTES = 64 * 1024

/**
 * The text of an engine's response. Throws `engine_unavailable` if it is larger than 4 MiB, or JSON that is
 * nested deeper than 16 levels.
 */
export async function readResponse(response: Response): Promise<string> {
  const { text, isWhole } = await readTextUpTo(response, MAX_RESPONSE_BYTES)
  if (!isWhole) throw unreadable(`it is larger than ${MAX_RESPONSE_BYTES} bytes`)
  if (isNestedDeeper(text, MAX_LEVELS)) throw unreadable(`it is nested deeper than ${MAX_LEVELS} levels`)
  return text
}

/** Parses a response's text. `server` begins the sentence of `engine_unavailable`, which is thrown if it is invalid. */
export function parseReply<T extends TSchema>(schema: T, text: string, server: string): Static<T> {
  let reply: unknown
  try {
    reply = JSON.parse(text)
  } catch (cause) {
    throw new VerbatimError('engine_unavailable', `${server} did not answer with JSON.`, { cause })
  }
  if (Value.Check(schema, reply)) return reply
  const mismatch = Value.Errors(schema, reply).First()
  const reason = mismatch ? `${mismatch.path || '/'}: ${mismatch.message}` : 'unknown shape'
  throw new VerbatimError('engine_unavailable', `${server}'s response is invalid: ${reason}.`)
}

/** The first 64 KiB of an error response. */
export async function readErrorBody(response: Response): Promise<string> {
  return (await readTextUpTo(response, MAX_REASON_BYTES)).text
}

function unreadable(reason: string) {
  return new VerbatimError('engine_unavailable', `The engine's response was not read: ${reason}.`)
}
