import { t } from 'elysia'
import { errorResponses } from '../../http/openapi/statuses.ts'

export const AudioLinkQuery = t.Object({
  expires: t.Integer({
    error: 'expires must be a Unix time in seconds: open `audio_file` of the transcription as it is',
  }),
  signature: t.String(),
})

export const audioDetail = {
  summary: 'Download the original audio',
  description: 'The status returns this link as `audio_file`. Supports `Range` requests.',
  responses: {
    200: { description: 'The original file, byte for byte' },
    206: { description: 'The requested range' },
    304: { description: 'The file matches `If-None-Match`' },
    ...errorResponses(400, 404, 410),
    416: { description: 'The range is outside of the file' },
  },
}
