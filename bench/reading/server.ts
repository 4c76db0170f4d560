import { Elysia } from 'elysia'
import { pageRoutes } from '../../src/page/page.routes.ts'
import { parsePage } from '../../src/page/page.ts'
import { buildPage } from '../../web/build.ts'
import { audioOf, transcriptOf, waveformOf } from './recording.ts'

export const ID = '123e4567-e89b-12d3-a456-426614174000'

/** Serves the page as the service does, with one made-up transcription instead of the API. */
export async function servePage({
  seconds,
}: {
  seconds: number
}): Promise<{ url: string; words: number; stop(): void }> {
  const page = parsePage(await buildPage())
  const transcript = transcriptOf({ id: ID, seconds })
  const audio = audioOf(seconds)
  const routes = new Elysia().use(pageRoutes({ page: async () => page }))
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url)
      if (!pathname.startsWith('/api/')) return routes.fetch(request)
      if (pathname.endsWith('/transcript')) return Response.json(transcript)
      if (pathname.endsWith('/waveform')) {
        return Response.json(
          waveformOf({ seconds, samplesPerPixel: Number(searchParams.get('samples_per_pixel')) }),
        )
      }
      if (pathname.endsWith('/audio')) return audioResponse(audio, request.headers.get('range'))
      if (pathname === `/api/transcriptions/${ID}`)
        return Response.json(statusOf({ seconds, bytes: audio.length }))
      return Response.json({ error: 'Not found', code: 'not_found' }, { status: 404 })
    },
  })
  return {
    url: server.url.origin,
    words: transcript.segments.flatMap(({ words }) => words).length,
    stop: () => server.stop(true),
  }
}

function audioResponse(audio: Uint8Array<ArrayBuffer>, range: string | null): Response {
  const [, start = '0', end = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  const first = Number(start)
  const last = end === '' ? audio.length - 1 : Number(end)
  return new Response(audio.subarray(first, last + 1), {
    status: range ? 206 : 200,
    headers: {
      'Content-Type': 'audio/wav',
      'Accept-Ranges': 'bytes',
      ...(range && { 'Content-Range': `bytes ${first}-${last}/${audio.length}` }),
    },
  })
}

const statusOf = ({ seconds, bytes }: { seconds: number; bytes: number }) => ({
  id: ID,
  audio_file: `/api/transcriptions/${ID}/audio?expires=4102444800&signature=0`,
  events: null,
  transcription: '',
  status: 'completed',
  created_at: '2026-11-29T12:00:00Z',
  language: 'en',
  script: null,
  task: 'transcribe',
  quality: 'balanced',
  channels: 'mix',
  start: null,
  end: null,
  progress: 1,
  queue_position: null,
  estimated_seconds: null,
  duration: seconds,
  filename: 'Board meeting.wav',
  size: bytes,
  sha256: '0',
  codec: 'pcm_s16le',
  track: null,
  tracks: null,
  warnings: [],
  completed_at: '2026-11-29T12:03:00Z',
  failure: null,
})
