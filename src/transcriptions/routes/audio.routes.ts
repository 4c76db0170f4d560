import { Elysia } from 'elysia'
import { PUBLIC } from '../../http/bearer.ts'
import { parseRange } from '../../http/headers/range.ts'
import { IdParams } from '../transcriptions.schemas.ts'
import type { TranscriptionsService } from '../transcriptions.service.ts'
import { AudioLinkQuery, audioDetail } from './audio.schemas.ts'

/**
 * Takes no token, so that a browser's player can open the link: the signature in the query authorises the
 * request.
 */
export function audioRoutes({ transcriptions }: { transcriptions: TranscriptionsService }) {
  return new Elysia({ tags: ['Transcriptions'], detail: { security: PUBLIC } }).get(
    '/transcriptions/:id/audio',
    async ({ params: { id }, query, request: { headers } }) =>
      audioResponse(await transcriptions.audio({ id, ...query }), headers),
    { params: IdParams, query: AudioLinkQuery, detail: audioDetail },
  )
}

type Audio = Awaited<ReturnType<TranscriptionsService['audio']>>

async function audioResponse(audio: Audio, headers: Headers): Promise<Response> {
  const common = {
    ETag: audio.etag,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private',
    'X-Content-Type-Options': 'nosniff',
  }
  if (matchesEtag(audio.etag, headers.get('if-none-match'))) {
    return new Response(null, { status: 304, headers: common })
  }
  // RFC 9110 §13.1.5: if the entity tag in If-Range differs, Range is ignored.
  const isSame = (headers.get('if-range') ?? audio.etag) === audio.etag
  const range = parseRange(isSame ? headers.get('range') : null, audio.bytes)
  if (range === 'unsatisfiable') {
    return new Response(null, {
      status: 416,
      headers: { ...common, 'Content-Range': `bytes */${audio.bytes}` },
    })
  }
  const { start, end } = range ?? { start: 0, end: audio.bytes }
  return new Response(await audio.read({ start, end }), {
    status: range ? 206 : 200,
    headers: {
      ...common,
      'Content-Type': audio.type,
      'Content-Length': String(end - start),
      'Content-Disposition': `inline; filename*=UTF-8''${encodeRfc5987(audio.filename)}`,
      ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${audio.bytes}` }),
    },
  })
}

/** Whether an If-None-Match header (RFC 9110 §13.1.2) lists this entity tag. */
function matchesEtag(etag: string, header: string | null): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}

function encodeRfc5987(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
