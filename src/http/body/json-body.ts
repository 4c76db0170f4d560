import type { TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { VerbatimError } from '../../errors.ts'
import { isNestedDeeper } from '../../json-depth.ts'
import { fieldProblem } from '../field-problem.ts'
import { bodyChunks } from './chunks.ts'
import { MIN_THROUGHPUT } from './min-throughput.ts'

const MAX_BYTES = 64 * 1024
/** More than any route's schema has. */
const MAX_LEVELS = 8

/**
 * Parses the body of a route that takes a little JSON. Uploads have the server's own limit lifted, so this keeps one.
 * Throws `validation` (another type of content, no JSON, or JSON nested deeper than 8 levels), `too_large`,
 * `incomplete_upload` and `upload_stalled`.
 */
export async function readJson({ request }: { request: Request }): Promise<unknown> {
  if (!/^application\/json(?![\w-])/i.test(request.headers.get('content-type') ?? '')) {
    throw new VerbatimError('validation', 'Send JSON, with Content-Type: application/json')
  }
  const tooLarge = () => new VerbatimError('too_large', `The body is larger than ${MAX_BYTES} bytes`)
  let text = ''
  const decoder = new TextDecoder()
  for await (const piece of bodyChunks({
    message: request,
    maxBytes: MAX_BYTES,
    tooLarge,
    pace: MIN_THROUGHPUT,
  })) {
    text += decoder.decode(piece, { stream: true })
  }
  text += decoder.decode()
  if (isNestedDeeper(text, MAX_LEVELS)) {
    throw new VerbatimError('validation', `The JSON body is nested deeper than ${MAX_LEVELS} levels`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new VerbatimError('validation', 'The body is not JSON')
  }
}

/**
 * The options of a route whose body is a little JSON: `.post('/things', handler, { ...jsonBody(Thing), response })`. The body is
 * checked before Elysia checks it: unless NODE_ENV is `production`, Elysia's error would hold the whole input several times as
 * indented text. `before` runs before the body is read, for whoever is to be refused unread.
 */
export function jsonBody<Schema extends TSchema>(
  schema: Schema,
  { before = async () => {} }: { before?: (context: Context) => Promise<void> } = {},
) {
  const validator = TypeCompiler.Compile(schema)
  return {
    // `json` is what the OpenAPI document says; `readJson` parses.
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
