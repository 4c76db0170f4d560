import type { TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { VerbatimError } from '../../errors.ts'
import { isNestedDeeper } from '../../json-depth.ts'
import { fieldProblem } from '../field-problem.ts'
import { bodyChunks } from './chunks.ts'
import { MIN_THROUGHPUT } from './min-throughput.ts'

const MAX_BYTES = 64 * 1024
/** Deeper than the schema of any route. */
const MAX_LEVELS = 8

/**
 * Reads and parses a small JSON body. The limit is checked here because the server's own limit is switched
 * off for uploads. Throws `validation` (wrong Content-Type, invalid JSON, or JSON nested deeper than 8
 * levels), `too_large`, `incomplete_upload` and `upload_stalled`.
 */
export async function readJson({ request }: { request: Request }): Promise<unknown> {
  if (!/^application\/json(?![\w-])/i.test(request.headers.get('content-type') ?? '')) {
    throw new VerbatimError('validation', 'The body must be JSON: send Content-Type: application/json')
  }
  const tooLarge = () =>
    new VerbatimError('too_large', `The body is larger than the limit of ${MAX_BYTES} bytes`)
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of bodyChunks({
    message: request,
    maxBytes: MAX_BYTES,
    tooLarge,
    pace: MIN_THROUGHPUT,
  })) {
    text += decoder.decode(chunk, { stream: true })
  }
  text += decoder.decode()
  if (isNestedDeeper(text, MAX_LEVELS)) {
    throw new VerbatimError(
      'validation',
      `The JSON body is nested deeper than the limit of ${MAX_LEVELS} levels`,
    )
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new VerbatimError('validation', 'The body is not valid JSON')
  }
}

/**
 * The options of a route with a small JSON body: `.post('/things', handler, { ...jsonBody(Thing), response
 * })`. The body is validated before Elysia does it, because unless NODE_ENV is `production`, Elysia's error
 * contains the whole input several times. `before` runs before the body is read, and may reject the request.
 */
export function jsonBody<Schema extends TSchema>(
  schema: Schema,
  { before = async () => {} }: { before?: (context: Context) => Promise<void> } = {},
) {
  const validator = TypeCompiler.Compile(schema)
  return {
    // `readJson` parses; `json` only sets the media type in the OpenAPI document.
    parse: [before, readJson, 'json' as const],
    transform({ body }: { body: unknown }) {
      if (!validator.Check(body)) {
        throw new VerbatimError('validation', fieldProblem(validator.Errors(body).First()))
      }
    },
    body: schema,
  }
}

type Context = {
  request: Request
  server: { requestIP(request: Request): { address: string } | null } | null
}
