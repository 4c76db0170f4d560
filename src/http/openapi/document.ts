import { SUCCESSES } from './statuses.ts'

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

/** The plugin's description of a response whose schema has none. */
const placeholder = (status: string) => `Response for status ${status}`

/**
 * Completes the document that the plugin writes: describes successes by their status, removes the bodies of
 * responses to HEAD, documents numbers in a query as numbers, and describes parameters where Swagger UI shows
 * it.
 */
export function completeDocument(document: Document): Document {
  const operations = Object.values(document.paths).flatMap((methods) => Object.entries(methods))
  for (const [method, { parameters = [], requestBody, responses = {} }] of operations) {
    for (const parameter of parameters) {
      if (!parameter.schema) continue
      parameter.schema = plainNumber(parameter.schema)
      const description = parameter.description ?? parameter.schema.description
      if (description) parameter.description = description
    }
    for (const media of Object.values(requestBody?.content ?? {})) {
      if (media.schema) media.schema = withoutErrors(media.schema)
    }
    for (const [status, response] of Object.entries(responses)) {
      const meaning = SUCCESSES[status]
      if (meaning && response.description === placeholder(status)) response.description = meaning
      if (method === 'head') delete response.content
    }
  }
  return document
}

/** Removes the validation messages (`error`) of a schema's fields, which are not part of JSON Schema. */
function withoutErrors(schema: Schema): Schema {
  if (!schema.properties) return schema
  const plain = Object.entries(schema.properties).map(([name, { error: _, ...field }]) => [name, field])
  return { ...schema, properties: Object.fromEntries(plain) }
}

/**
 * Elysia documents a number in a query as a number or a string, because it parses strings; clients need the
 * number.
 */
function plainNumber(schema: Schema): Schema {
  const number = schema.anyOf?.find(({ type }) => type === 'integer' || type === 'number')
  const isText = schema.anyOf?.length === 2 && schema.anyOf.some(({ type }) => type === 'string')
  const { error: _, ...plain } = number && isText ? number : schema
  return plain
}
