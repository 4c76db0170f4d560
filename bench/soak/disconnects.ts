import { connect } from 'node:net'
import { type Action, clip, openaiRequest } from './actions.ts'
import { type Client, pick, pickUpload, type Request, send } from './client.ts'
import {
  bodyRequest,
  createTusUpload,
  finish,
  formRequest,
  pathOf,
  type Status,
  tusHeaders,
  upload,
} from './transcriptions.ts'

/** Sends a request and disconnects at a random moment within `withinMs`. */
async function disconnect(client: Client, request: Request, withinMs: number): Promise<void> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), client.random() * withinMs)
  try {
    const answer = await send(client, { ...request, signal: controller.signal })
    for await (const _ of answer.body ?? []);
  } catch (error) {
    if (!controller.signal.aborted) throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Sends the first half of a body, then closes the connection. */
async function sendHalf(client: Client, request: Request): Promise<void> {
  // `Response` encodes a form.
  const encoded = new Response(request.body ?? null)
  const type = encoded.headers.get('content-type')
  const bytes = await encoded.bytes()
  const { hostname, port, pathname, search } = new URL(request.path, client.url)
  const closed = Promise.withResolvers<void>()
  const socket = connect(Number(port), hostname)
  socket.once('close', () => closed.resolve())
  socket.on('error', () => socket.destroy())
  const headers = {
    ...client.headers,
    ...(type && { 'Content-Type': type }),
    ...request.headers,
    Host: hostname,
    'Content-Length': bytes.length,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${request.method} ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`)
  socket.write(bytes.subarray(0, bytes.length / 2))
  setTimeout(() => socket.destroy(), 50 + client.random() * 1000)
  await closed.promise
  client.requests.count += 1
}

export const duringUpload: Action = async (client) => {
  const entry = pickUpload(client, client.random() < 0.3 ? 'long' : 'clip', 'deleted')
  const way = pick(client, ['form', 'body', 'tus'])
  if (way !== 'tus') return sendHalf(client, way === 'form' ? formRequest(entry) : bodyRequest(entry))
  const path = await createTusUpload(client, entry)
  await sendHalf(client, { method: 'PATCH', path, headers: tusHeaders(0), body: entry.recording.audio })
  // A user may have 100 unfinished uploads, so most are deleted.
  if (client.random() < 0.8) await send(client, { method: 'DELETE', path, expect: [204] })
}

/** Disconnects while it listens to events, or waits for the status. */
export const duringTranscription: Action = async (client) => {
  const entry = pickUpload(client, 'clip')
  await upload(client, entry)
  const [events, wait] = [`${pathOf(entry)}/events`, pathOf(entry)]
  for (const path of [events, wait, events]) {
    await disconnect(client, { path, headers: { Prefer: 'wait=30' } }, 800)
  }
  await finish(client, entry)
}

export const duringPlayback: Action = async (client) => {
  const [entry] = client.kept
  if (!entry) return clip(client)
  const { audio_file: path }: Status = await (await send(client, { path: pathOf(entry) })).json()
  for (let time = 0; time < 3; time++) await disconnect(client, { path }, 10)
}

export const duringOpenai: Action = (client) => disconnect(client, openaiRequest(client), 1500)
