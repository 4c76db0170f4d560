import { t } from 'elysia'
import { errorResponses } from '../http/openapi/statuses.ts'
import { nullable } from '../http/schema.ts'

export const CHUNK_TYPE = 'application/offset+octet-stream'

const METADATA = '^[^\\s,]+( [A-Za-z0-9+/]+={0,2})?(,[^\\s,]+( [A-Za-z0-9+/]+={0,2})?)*$'

export const UploadParams = t.Object({ id: t.String({ description: 'The id of the upload' }) })

const state = {
  id: t.String({ format: 'uuid' }),
  length: t.Number({ multipleOf: 1, description: 'Size of the file in bytes' }),
  offset: t.Number({ multipleOf: 1, description: 'Bytes that the server has' }),
  transcription_id: nullable(
    t.String({ format: 'uuid', description: 'The transcription; null until the upload is complete' }),
  ),
  expires_at: t.String({ format: 'date-time', description: 'A day after the latest chunk' }),
}

const exampleState = {
  id: '123e4567-e89b-12d3-a456-426614174000',
  length: 43436,
  offset: 20000,
  transcription_id: null,
  expires_at: '2026-01-02T12:00:00Z',
}

export const UploadState = t.Object(state, { examples: [exampleState] })

/** For the OpenAPI document only: the handlers check the headers. */
type Header = {
  name: string
  description: string
  required?: boolean
  schema: { type: 'string'; pattern: string } | { type: 'integer'; minimum: number }
}

const headerParameters = (headers: Header[]) =>
  headers.map(({ required = false, ...header }) => ({ in: 'header' as const, required, ...header }))

export const createDetail = {
  summary: 'Create a resumable upload',
  description:
    'Follows the tus protocol (1.0.0), which has clients in most languages: set this URL as the endpoint. ' +
    '`Upload-Metadata` takes `filename` and the fields of the form. A complete upload becomes a transcription; ' +
    '`Transcription-Id` in the response is its id.',
  parameters: headerParameters([
    {
      name: 'Upload-Length',
      description: 'Size of the file in bytes',
      required: true,
      schema: { type: 'integer', minimum: 1 },
    },
    {
      name: 'Upload-Metadata',
      description: 'Pairs of a name and a base64 value, such as `language ZGU=`',
      schema: { type: 'string', pattern: METADATA },
    },
  ]),
  responses: {
    201: { description: 'The upload is created; `Location` is its URL' },
    ...errorResponses(400, 401, 403, 409, 412, 413, 429, 502),
  },
}

export const offsetDetail = {
  summary: 'Get the offset of an upload',
  responses: {
    200: { description: '`Upload-Offset`; and `Transcription-Id` if the upload is complete' },
    ...errorResponses(401, 403, 404, 410, 412, 429),
  },
}

export const stateDetail = { summary: 'Get the state of an upload and its transcription' }

export const appendDetail = {
  summary: 'Append to an upload',
  description:
    'If the connection breaks, the bytes that arrived are kept. The response to the last chunk carries ' +
    '`Transcription-Id`, or the error of `/api/transcribe` if the audio is refused.',
  parameters: headerParameters([
    {
      name: 'Upload-Offset',
      description: 'Bytes that the server has',
      required: true,
      schema: { type: 'integer', minimum: 0 },
    },
  ]),
  requestBody: {
    required: true,
    content: { [CHUNK_TYPE]: { schema: { type: 'string' as const, format: 'binary' } } },
  },
  responses: {
    204: { description: 'The bytes up to `Upload-Offset` are stored' },
    ...errorResponses(400, 401, 403, 404, 409, 410, 412, 413, 415, 429, 500, 502, 503, 507),
  },
}

export const deleteDetail = {
  summary: 'Delete an upload',
  description: 'Removes the stored bytes. A transcription that the upload became stays.',
  responses: {
    204: { description: 'The upload is deleted' },
    ...errorResponses(401, 403, 404, 410, 412, 429),
  },
}
