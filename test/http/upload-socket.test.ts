import { afterEach, describe, expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import { readUpload } from '../../src/http/body/audio-upload.ts'
import { MIN_THROUGHPUT } from '../../src/http/body/min-throughput.ts'
import { problems } from '../../src/http/problems.ts'
import { BOUNDARY, formOf, textOf } from './forms.ts'

const MAX_BYTES = 1_000_000
const form = formOf(
  { name: 'language', body: 'de' },
  { name: 'audio', filename: 'a.wav', body: 'sound'.repeat(10_000) },
)
const closing: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe('an upload over a socket', () => {
  test('arrives whole', async () => {
    const { url, outcome } = listen()
    const response = await post(url, form)
    expect(response.status).toBe(200)
    expect(await outcome).toMatchObject({ file: { filename: 'a.wav', stored: 'sound'.repeat(10_000) } })
  })

  test('with a Content-Length over the limit is refused before its body is read', async () => {
    const { url, outcome, storeError } = listen()
    const response = await post(url, new Uint8Array(MAX_BYTES + 2_000_000))
    expect(await response.text()).toBe('too_large')
    expect(await outcome).toMatchObject({ code: 'too_large' })
    expect(storeError()).toBeUndefined()
  })

  test('in chunks over the limit is refused while it streams, with a response', async () => {
    const { url, outcome, storeError } = listen()
    const start = formOf({ name: 'audio', filename: 'a.wav', body: 'sound' }).subarray(0, -20)
    const response = await post(url, endless(start))
    expect(await response.text()).toBe('too_large')
    expect(await outcome).toMatchObject({ code: 'too_large' })
    expect(storeError()).toMatchObject({ code: 'too_large' })
  })

  for (const [framing, head, bytes] of [
    ['by Content-Length', `Content-Length: ${form.length}`, (piece: Uint8Array) => [piece]],
    [
      'in chunks',
      'Transfer-Encoding: chunked',
      (piece: Uint8Array) => [`${piece.length.toString(16)}\r\n`, piece, '\r\n'],
    ],
  ] as const) {
    test(`framed ${framing} fails its store’s stream when the connection is lost`, async () => {
      const { url, outcome, storeError, storing } = listen()
      const socket = await Bun.connect({
        hostname: url.hostname,
        port: Number(url.port),
        socket: { data() {} },
      })
      socket.write(
        `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=${BOUNDARY}\r\n${head}\r\n\r\n`,
      )
      for (const part of bytes(form.subarray(0, 20_000))) socket.write(part)
      await storing
      socket.terminate()
      expect(await outcome).toMatchObject({ code: 'incomplete_upload' })
      expect(storeError()).toMatchObject({ code: 'incomplete_upload' })
    })
  }
})

test('an upload that is too slow gets 408, and its connection is closed', async () => {
  const pace = { ...MIN_THROUGHPUT, overMs: 100, leastBytes: 1000 }
  const app = new Elysia().use(problems({ log: () => {}, routes: () => [] })).post(
    '/',
    async ({ request }) => {
      await readUpload({ request, name: 'audio', maxBytes: MAX_BYTES, pace, store: textOf })
      return 'taken'
    },
    { parse: 'none' },
  )
  const { server } = app.listen({ port: 0, hostname: '127.0.0.1' })
  closing.push(() => app.stop(true))
  let response = ''
  let isOpen = true
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server?.port ?? 0,
    socket: {
      data(_, data) {
        response += data.toString()
      },
      close() {
        isOpen = false
      },
    },
  })
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 100000\r\n\r\n')
  while (isOpen) {
    socket.write('x')
    await Bun.sleep(10)
  }
  expect(response).toStartWith('HTTP/1.1 408 ')
  expect(response).toContain('"code":"upload_stalled"')
})

/** A server for one upload. `storing` resolves when its file starts to arrive. */
function listen() {
  const outcome = Promise.withResolvers<unknown>()
  const storing = Promise.withResolvers<void>()
  let storeError: unknown
  const store = (body: ReadableStream<Uint8Array>) => {
    storing.resolve()
    return textOf(body).catch((error: unknown) => {
      storeError = error
      throw error
    })
  }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch(request) {
      const upload = readUpload({ request, name: 'audio', maxBytes: MAX_BYTES, store })
      const result: unknown = await upload.catch((error: unknown) => error)
      outcome.resolve(result)
      return new Response(result instanceof Error && 'code' in result ? String(result.code) : 'taken')
    },
  })
  closing.push(() => server.stop(true))
  return { url: server.url, outcome: outcome.promise, storing: storing.promise, storeError: () => storeError }
}

function post(url: URL, body: BodyInit) {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body,
  })
}

function endless(start: Uint8Array) {
  let sent = 0
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(start),
    pull(controller) {
      sent += 65_536
      if (sent > 64 * 1024 * 1024) controller.close()
      else controller.enqueue(new Uint8Array(65_536))
    },
  })
}
