import { connect } from 'node:net'
import { type Client, call, oneOf, routeOf } from './client.ts'
import { type Entry, refusedWith } from './ledger.ts'
import type { Recording } from './recordings.ts'

type Way = 'form' | 'body' | 'url' | 'tus'
type Options = { way?: Way; headers?: Record<string, string>; filename?: string; signal?: AbortSignal }
type Accepted = { transcription_id?: string; id?: string; code?: string }

const WAYS: Way[] = ['form', 'form', 'body', 'url', 'tus']
const REFUSALS = [400, 413, 415]

export function enter(client: Client, recording: Recording, fate: Entry['fate'] = 'kept'): Entry {
  const filename = `${crypto.randomUUID()}${recording.extension}`
  const entry: Entry = { filename, recording: recording.name, fate, id: null }
  return client.ledger.enter(entry)
}

/** Uploads in one of the ways there are, and gives the id; null where it is refused, which is compared with what has to be. */
export async function upload(
  client: Client,
  { recording, entry, ...options }: { recording: Recording; entry: Entry } & Options,
): Promise<string | null> {
  const way = options.way ?? oneOf(client, WAYS)
  const expect = [200, 202, ...(recording.kind === 'bad' ? REFUSALS : [])]
  const answer = await send(client, { recording, entry, expect, ...options, way })
  if (typeof answer === 'string') {
    entry.id = answer
    return answer
  }
  const said: Accepted = await answer.json()
  entry.id = said.transcription_id ?? said.id ?? null
  if (entry.id !== null) return entry.id
  entry.fate = 'deleted'
  const wanted = client.outcomes.get(recording.name)
  const outcome = refusedWith(said.code ?? '')
  if (wanted !== undefined && wanted !== outcome) {
    client.tally.fault('another outcome', `${recording.name}: ${outcome}, not ${wanted}`)
  }
  client.outcomes.set(recording.name, wanted ?? outcome)
  return null
}

type Sending = { recording: Recording; entry: Entry; expect: number[]; way: Way } & Options

async function send(client: Client, options: Sending): Promise<Response | string> {
  const { recording, entry, expect, way, headers = {}, signal } = options
  // Now and then a place of its own is told of it, beside the webhook.
  const isTold = client.random() < 0.2
  const fields = { ...recording.fields, ...(isTold && { webhook_url: client.webhook.uploadsUrl }) }
  const leaving = signal ? { signal } : {}
  if (way === 'tus') return sendByTus(client, { recording, entry, fields })
  if (way === 'url') {
    const json = { ...fields, audio_url: client.host.audioUrl(recording, entry.filename) }
    return call(client, { method: 'POST', path: '/api/transcribe/', expect, headers, json, ...leaving })
  }
  if (way === 'body') {
    const named = { 'Content-Disposition': `attachment; filename="${entry.filename}"` }
    const path = `/api/transcribe?${new URLSearchParams(fields)}`
    const about = { ...headers, ...named, 'Content-Type': 'application/octet-stream' }
    return call(client, { method: 'PUT', path, expect, headers: about, body: recording.audio, ...leaving })
  }
  const body = formOf({ recording, entry, fields })
  return call(client, { method: 'POST', path: '/api/transcribe/', expect, headers, body, ...leaving })
}

export function formOf({
  recording,
  entry,
  fields,
  name = 'audio',
}: {
  recording: Recording
  entry: Entry
  fields: Record<string, string>
  name?: string
}): FormData {
  const form = new FormData()
  for (const [field, value] of Object.entries(fields)) form.set(field, value)
  form.set(name, recording.audio, entry.filename)
  return form
}

/** In up to three pieces; gives the id of what it became. */
async function sendByTus(
  client: Client,
  { recording, entry, fields }: { recording: Recording; entry: Entry; fields: Record<string, string> },
): Promise<string> {
  const path = await beginByTus(client, { recording, entry, fields })
  const { size } = recording.audio
  const pieces = 1 + Math.floor(client.random() * 3)
  let last: Response | undefined
  for (let piece = 0; piece < pieces; piece++) {
    const [from, to] = [Math.floor((size * piece) / pieces), Math.floor((size * (piece + 1)) / pieces)]
    const body = recording.audio.slice(from, to)
    last = await call(client, { method: 'PATCH', path, expect: [204], headers: pieceAt(from), body })
  }
  return last?.headers.get('transcription-id') ?? ''
}

/** Gives where the upload goes on. */
export async function beginByTus(
  client: Client,
  { recording, entry, fields }: { recording: Recording; entry: Entry; fields: Record<string, string> },
): Promise<string> {
  const metadata = Object.entries({ ...fields, filename: entry.filename })
    .map(([name, value]) => `${name} ${btoa(value)}`)
    .join(',')
  const headers = {
    'Tus-Resumable': '1.0.0',
    'Upload-Length': String(recording.audio.size),
    'Upload-Metadata': metadata,
  }
  const made = await call(client, { method: 'POST', path: '/api/uploads', expect: [201], headers })
  return made.headers.get('location') ?? ''
}

export const pieceAt = (offset: number) => ({
  'Tus-Resumable': '1.0.0',
  'Content-Type': 'application/offset+octet-stream',
  'Upload-Offset': String(offset),
})

/** Sends the first half of a body, waits a little, and is gone. */
export async function sendHalf(
  client: Client,
  {
    method,
    path,
    headers,
    body,
  }: { method: string; path: string; headers: Record<string, string>; body: Blob },
): Promise<void> {
  const bytes = await body.bytes()
  const { hostname, port } = new URL(client.url)
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = connect(Number(port), hostname)
  socket.once('close', () => resolve())
  socket.on('error', () => socket.destroy())
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${client.account.token}`,
    `Content-Length: ${bytes.length}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(bytes.subarray(0, bytes.length / 2))
  setTimeout(() => socket.destroy(), 50 + client.random() * 1000)
  await promise
  client.tally.answered(`${routeOf({ method, path })} (left in the middle)`)
}
