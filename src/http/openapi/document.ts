import type { ErrorCode } from '../../errors.ts'
import { ErrorBody } from '../problems.ts'

type Schema = {
  title?: string
  examples?: unknown[]
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  type?: string
  error?: unknown
  description?: string
}
type Content = Record<string, { schema?: Schema }>
type Operation = {
  parameters?: { description?: string; schema?: Schema }[]
  requestBody?: { content?: Content }
  responses?: Record<string, { description?: string; content?: Content }>
}

export type Document = { paths: Record<string, Record<string, Operation>> }

/** What each status of a `Problem` looks like. */
export const EXAMPLES: Record<string, { error: string; code: ErrorCode }> = {
  400: { error: 'No audio file provided', code: 'no_audio_file' },
  401: { error: 'The access token is not valid or has expired: log in again', code: 'unauthorized' },
  403: {
    error: 'This API key may read alone: it was made without the scope write',
    code: 'insufficient_scope',
  },
  404: { error: 'Transcription not found', code: 'not_found' },
  406: {
    error: 'A transcript comes as application/json, text/plain; Accept takes none of them',
    code: 'not_acceptable',
  },
  408: { error: 'Nothing of the upload came for 30 seconds', code: 'upload_stalled' },
  409: { error: 'The transcription is queued: its transcript is not there yet', code: 'not_ready' },
  410: { error: 'The audio was removed; its transcript is kept', code: 'audio_removed' },
  412: { error: 'Tus-Resumable takes 1.0.0', code: 'unsupported_version' },
  413: {
    error: 'The audio file is larger than the 2147483648 bytes that this server takes',
    code: 'too_large',
  },
  415: { error: 'The file is no audio that can be read', code: 'unsupported_type' },
  422: { error: 'This Idempotency-Key came with another body before', code: 'idempotency_key_reused' },
  429: { error: 'There were too many requests: ask again in 10 seconds', code: 'rate_limited' },
  500: { error: 'Failed to process request: unexpected error', code: 'internal' },
  502: { error: 'No engine takes this audio', code: 'engine_rejected' },
  503: { error: 'The service is stopping: send it again', code: 'stopping' },
  507: { error: 'The storage is full', code: 'storage_full' },
}

/** What an answer says by its status, where its route says nothing of it. */
const MEANINGS: Record<string, string> = {
  200: 'It is as asked for',
  201: 'It is made',
  202: 'It is begun',
  400: 'The request or what it carries is not valid',
  401: 'There is no valid access token or API key',
  403: 'The token or key may not do this',
  404: 'There is no such thing, or it is another user’s',
  406: 'It comes in no type that `Accept` takes',
  408: 'Too little of the body came for too long',
  409: 'It is in a state that does not allow this',
  410: 'It is there no more',
  413: 'The body is too large, or the audio too long',
  415: 'It is no audio that can be read',
  422: 'The `Idempotency-Key` came with another body before',
  429: 'There were too many requests, or too much audio: ask again after `Retry-After`',
  500: 'An unexpected error; it is logged',
  502: 'A host that the request names, or the engine, did not do its part',
  503: 'The service is stopping, or something that it needs is not there',
  507: 'The storage is full',
}

const UNSAID = /^Response for status \d+$/
/** It tells a player how long the file is, and has no body. */
const OUT_OF_RANGE = '416'

/**
 * The document as it goes out: each status with what it means, each error with its body, of which a `Problem` has an example
 * of its own, numbers in a query as numbers, and what a parameter is where Swagger shows it.
 */
export function finished(document: Document): Document {
  const operations = Object.values(document.paths).flatMap((methods) => Object.entries(methods))
  for (const [method, operation] of operations) {
    for (const parameter of operation.parameters ?? []) {
      if (!parameter.schema) continue
      parameter.schema = plainNumber(parameter.schema)
      const description = parameter.description ?? parameter.schema.description
      if (description) parameter.description = description
    }
    for (const one of Object.values(operation.requestBody?.content ?? {})) {
      if (one.schema) one.schema = withoutErrors(one.schema)
    }
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      if (UNSAID.test(response.description ?? '')) response.description = MEANINGS[status] ?? ''
      if (method !== 'head' && status >= '400' && status !== OUT_OF_RANGE) {
        response.content ??= { 'application/json': { schema: { ...ErrorBody } } }
      }
      const example = EXAMPLES[status]
      for (const one of Object.values(response.content ?? {})) {
        if (example && one.schema?.title === 'Problem') one.schema = { ...one.schema, examples: [example] }
      }
    }
  }
  return document
}

/** What a field's refusal says is not a schema's word. */
function withoutErrors(schema: Schema): Schema {
  if (!schema.properties) return schema
  const plain = Object.entries(schema.properties).map(([name, { error: _, ...one }]) => [name, one])
  return { ...schema, properties: Object.fromEntries(plain) }
}

/** Elysia reads numbers from texts, and tells of both; a client sends the number. */
function plainNumber(schema: Schema): Schema {
  const number = schema.anyOf?.find(({ type }) => type === 'integer' || type === 'number')
  const isText = schema.anyOf?.length === 2 && schema.anyOf.some(({ type }) => type === 'string')
  const { error: _, ...plain } = number && isText ? number : schema
  return plain
}
