import { Elysia, t } from 'elysia'
import { VerbatimError } from '../../errors.ts'
import { BEARER, bearer } from '../../http/bearer.ts'
import { preferredType } from '../../http/headers/accept.ts'
import { addVary } from '../../http/headers/vary.ts'
import { errorSchemas } from '../../http/openapi/statuses.ts'
import { booleanIn } from '../intake/field-values.ts'
import { TEXT_FORMATS, type TranscriptFormat, TYPES } from '../transcript/formats.ts'
import { IdParams } from '../transcriptions.schemas.ts'
import type { StatusRoutesServices } from './status.routes.ts'
import {
  DiarizedTranscript,
  Transcript,
  TranscriptQuery,
  transcriptDetail,
  VerboseTranscript,
  Waveform,
  WaveformQuery,
  waveformDetail,
} from './transcript.schemas.ts'

const BOM = '\ufeff'

export function transcriptRoutes({ transcriptions, authenticator }: StatusRoutesServices) {
  return new Elysia({ tags: ['Transcriptions'], detail: { security: BEARER } })
    .use(bearer({ authenticator, takesKnown: true }))
    .get(
      '/transcriptions/:id/waveform',
      ({ params: { id }, query: { samples_per_pixel }, userId }) =>
        transcriptions.waveform({
          id,
          userId,
          ...(samples_per_pixel && { samplesPerPixel: samples_per_pixel }),
        }),
      {
        params: IdParams,
        query: WaveformQuery,
        response: { 200: Waveform, ...errorSchemas(400, 401, 403, 404, 409, 429, 503) },
        detail: waveformDetail,
      },
    )
    .get(
      '/transcriptions/:id/transcript',
      async ({ params: { id }, query, request, userId, set }) => {
        addVary(set, 'Accept')
        const keys = { id, userId, partial: booleanIn(query.partial ?? '') === true }
        const format = query.format ?? acceptedFormat(request.headers)
        const hasBom = booleanIn(query.bom ?? '') === true
        if (hasBom && WITHOUT_BOM.has(format)) throw bomRefused(format)
        if (format === 'json') return transcriptions.transcript(keys)
        if (format === 'verbose_json') return transcriptions.verboseTranscript(keys)
        if (format === 'diarized_json') return transcriptions.diarizedTranscript(keys)
        if (format === 'rttm') {
          set.headers['content-type'] = 'text/plain; charset=utf-8'
          return transcriptions.rttm(keys)
        }
        const text = await transcriptions.writtenTranscript({ ...keys, format })
        set.headers['content-type'] = `${TEXT_FORMATS[format].type}; charset=utf-8`
        return hasBom ? BOM + text : text
      },
      {
        params: IdParams,
        query: TranscriptQuery,
        response: {
          200: t.Union([Transcript, VerboseTranscript, DiarizedTranscript, t.String()]),
          ...errorSchemas(400, 401, 403, 404, 406, 409, 429, 503),
        },
        detail: transcriptDetail,
      },
    )
}

function acceptedFormat(headers: Headers): TranscriptFormat {
  const types = [...TYPES.keys()]
  const type = preferredType(headers.get('accept'), types)
  const format = type && TYPES.get(type)
  if (format) return format
  throw new VerbatimError(
    'not_acceptable',
    `Accept allows no transcript format: send Accept with one of ${types.join(', ')}`,
  )
}

/** RFC 8259 §8.1: JSON text must not begin with a byte order mark. Programs that read RTTM expect none. */
const WITHOUT_BOM = new Set<TranscriptFormat>(['json', 'verbose_json', 'diarized_json', 'rttm'])

function bomRefused(format: TranscriptFormat): VerbatimError {
  return new VerbatimError(
    'validation',
    `bom is true, but format is ${format}: send format srt, vtt, txt or tsv, or leave bom out`,
  )
}
