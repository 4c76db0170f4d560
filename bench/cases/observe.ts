import { faultsOfCues } from './cues.ts'
import type { UploadRequest } from './entries.ts'
import { send, type Target } from './send.ts'

type Timed = { start: number; end: number }
export type Segment = Timed & { text: string; channel?: number; words?: (Timed & { word: string })[] }

/** What the service made of a request. Properties that a response lacks are null. */
export type Observed = {
  /** Null without a response. */
  http: number | null
  status: string | null
  language: string | null
  duration: number | null
  text: string | null
  filename: string | null
  warnings: string[]
  error: string | null
  segments: Segment[]
  words: (Timed & { word: string })[]
  /** Faults of the subtitles. */
  cues: string[]
}

type Warning = { code: string; message: string }
/** The union of the bodies of all endpoints. */
type Body = {
  transcription_id?: string
  text?: string
  language?: string | null
  duration?: number
  segments?: Segment[]
  words?: (Timed & { word: string })[]
  warnings?: Warning[]
  error?: string | { message?: string }
}
type Status = {
  status: string
  transcription: string | null
  language: string | null
  duration: number | null
  filename?: string | null
  warnings?: Warning[]
  failure?: { code: string; error: string } | null
}

const NOTHING: Observed = {
  http: null,
  status: null,
  language: null,
  duration: null,
  text: null,
  filename: null,
  warnings: [],
  error: null,
  segments: [],
  words: [],
  cues: [],
}

/** Uploads a file, and reads the result once its transcription has ended. */
export async function observe(target: Target, request: UploadRequest): Promise<Observed> {
  try {
    const response = await send(target, request)
    const text = await response.text()
    const body = parsed(text, response.headers.get('Content-Type') ?? '')
    const id = response.headers.get('Transcription-Id') ?? body.transcription_id
    if (response.ok && id) {
      return {
        ...(await observeTranscription(target, id, request.fields.words === 'true')),
        http: response.status,
      }
    }
    return { ...observedOf(body), http: response.status }
  } catch (error) {
    return { ...NOTHING, error: `no response: ${String(error)}` }
  }
}

/** A body that is neither JSON nor an event stream is a transcript if the response is ok. */
function parsed(text: string, type: string): Body {
  if (type.includes('json')) return JSON.parse(text)
  if (!type.includes('event-stream'))
    return type.startsWith('text/') && !type.includes('html') ? { text } : {}
  const events: (Body & { type?: string })[] = text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)))
  return events.findLast((event) => event.error !== undefined || event.type === 'transcript.text.done') ?? {}
}

function observedOf({ error, ...body }: Body): Observed {
  const segments = body.segments ?? []
  return {
    ...NOTHING,
    language: body.language ?? null,
    duration: body.duration ?? null,
    text: body.text ?? null,
    warnings: (body.warnings ?? []).map(({ code }) => code),
    error: (typeof error === 'string' ? error : error?.message) ?? null,
    segments,
    words: body.words ?? segments.flatMap(({ words }) => words ?? []),
  }
}

/** Waits until a transcription has ended, reads it, and deletes it. */
async function observeTranscription(target: Target, id: string, hasWords: boolean): Promise<Observed> {
  const url = `${target.url}/api/transcriptions/${id}`
  async function read(path: string): Promise<Response> {
    const answer = await fetch(url + path, { headers: { ...target.headers, Prefer: 'wait=55' } })
    if (answer.ok) return answer
    throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  }
  try {
    let status: Status
    do status = await (await read('/')).json()
    while (['queued', 'processing'].includes(status.status))
    const seen = observedStatus(status)
    if (status.status !== 'completed') return seen
    const transcript: Body = await (await read('/transcript?format=json')).json()
    const { language, segments, words } = observedOf(transcript)
    const subtitles = async (format: string) => (await read(`/transcript?format=${format}`)).text()
    const cues = hasWords ? faultsOfCues(await subtitles('srt'), await subtitles('vtt')) : []
    return { ...seen, language, segments, words, cues }
  } finally {
    await fetch(url, { method: 'DELETE', headers: target.headers })
  }
}

function observedStatus({ transcription, filename, failure, warnings, ...status }: Status): Observed {
  return {
    ...NOTHING,
    status: status.status,
    language: status.language,
    duration: status.duration,
    text: transcription,
    filename: filename ?? null,
    warnings: (warnings ?? []).map(({ code }) => code),
    error: failure ? `${failure.code}: ${failure.error}` : null,
  }
}
