import { t } from 'elysia'

const nullable = <T extends Parameters<typeof t.Union>[0][number]>(schema: T) => t.Union([schema, t.Null()])

export const UploadParams = t.Object({ id: t.String({ description: 'The upload’s' }) })

export const UploadState = t.Object({
  id: t.String({ format: 'uuid' }),
  length: t.Number({ multipleOf: 1, description: 'Bytes of the file' }),
  offset: t.Number({ multipleOf: 1, description: 'Bytes that are here' }),
  transcription_id: nullable(t.String({ format: 'uuid', description: 'Once all of it is here' })),
  expires_at: t.String({ format: 'date-time', description: 'A day after the last piece' }),
})

type Header = {
  name: string
  description: string
  required?: boolean
  schema: { type: 'string'; pattern: string } | { type: 'integer'; minimum: number }
}

/** Headers as the document tells them. */
export const headersTold = (headers: Header[]) =>
  headers.map(({ required = false, ...header }) => ({ in: 'header' as const, required, ...header }))

export const pieceBody = {
  required: true,
  content: {
    'application/offset+octet-stream': { schema: { type: 'string' as const, format: 'binary' } },
  },
}
