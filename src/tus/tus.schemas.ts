import { t } from 'elysia'

const nullable = <T extends Parameters<typeof t.Union>[0][number]>(schema: T) => t.Union([schema, t.Null()])

export const UploadParams = t.Object({ id: t.String({ description: 'The upload’s' }) })

const state = {
  id: t.String({ format: 'uuid' }),
  length: t.Number({ multipleOf: 1, description: 'Bytes of the file' }),
  offset: t.Number({ multipleOf: 1, description: 'Bytes that are here' }),
  transcription_id: nullable(t.String({ format: 'uuid', description: 'Once all of it is here' })),
  expires_at: t.String({ format: 'date-time', description: 'A day after the last piece' }),
}

const exampleState = {
  id: '123e4567-e89b-12d3-a456-426614174000',
  length: 43436,
  offset: 20000,
  transcription_id: null,
  expires_at: '2026-01-02T12:00:00Z',
}

export const UploadState = t.Object(state, { examples: [exampleState] })

type Header = {
  name: string
  description: string
  required?: boolean
  schema: { type: 'string'; pattern: string } | { type: 'integer'; minimum: number }
}

/** Headers as the document tells them. */
export const uploadHeaders = (headers: Header[]) =>
  headers.map(({ required = false, ...header }) => ({ in: 'header' as const, required, ...header }))

export const chunkBody = {
  required: true,
  content: {
    'application/offset+octet-stream': { schema: { type: 'string' as const, format: 'binary' } },
  },
}
