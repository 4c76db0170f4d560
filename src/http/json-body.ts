import { VerbatimError } from '../errors.ts'

const MAX_BYTES = 64 * 1024

/**
 * Parses the body of a route that takes a little JSON. Uploads have the server's own limit lifted, so this keeps one.
 * Throws `validation` (another type of content, or no JSON) and `too_large`.
 */
export async function readJson({ request }: { request: Request }): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers.get('content-type') ?? '')) {
    throw new VerbatimError('validation', 'Send JSON, with Content-Type: application/json')
  }
  let bytes = 0
  let text = ''
  const decoder = new TextDecoder()
  for await (const piece of request.body ?? []) {
    bytes += piece.length
    if (bytes > MAX_BYTES) throw new VerbatimError('too_large', `The body is larger than ${MAX_BYTES} bytes`)
    text += decoder.decode(piece, { stream: true })
  }
  try {
    return JSON.parse(text + decoder.decode())
  } catch {
    throw new VerbatimError('validation', 'The body is not JSON')
  }
}

/** `parse` of a route whose body is a little JSON: `json` is what the document says, the function before it parses. */
export const JSON_BODY = [readJson, 'json' as const]
