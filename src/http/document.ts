import type { ErrorCode } from '../errors.ts'

type Schema = {
  title?: string
  examples?: unknown[]
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  type?: string
  error?: string
}
type Content = Record<string, { schema?: Schema }>
type Operation = {
  parameters?: { schema?: Schema }[]
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

/** The document as it goes out: each status of a `Problem` with an example of its own, and numbers in a query as numbers. */
export function finished(document: Document): Document {
  for (const operation of Object.values(document.paths).flatMap((methods) => Object.values(methods))) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.schema) parameter.schema = plainNumber(parameter.schema)
    }
    for (const one of Object.values(operation.requestBody?.content ?? {})) {
      if (one.schema) one.schema = withoutErrors(one.schema)
    }
    for (const [status, { content }] of Object.entries(operation.responses ?? {})) {
      const example = EXAMPLES[status]
      for (const one of Object.values(content ?? {})) {
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
