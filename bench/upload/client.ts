// Sends one wav of noise over a plain socket, as fast as it is taken, and says when and what was answered. It holds a few
// MiB of noise, which it sends over and over: making it must not be what is measured.
import { randomFillSync } from 'node:crypto'
import { connect } from 'node:net'
import { wavOf } from '../../src/media/wav.ts'
import type { Sending, Sent } from './protocol.ts'

const NOISE_BYTES = 4 * 2 ** 20
const BOUNDARY = '----upload-bench-4f1b7c2e9d'
const ANSWER_CHARS = 300

const { url, way, token, bytes }: Sending = JSON.parse(process.argv[2] ?? '')
const { hostname, port, pathname } = new URL(url)
const noise = randomFillSync(Buffer.alloc(NOISE_BYTES))

/** The header of a wav of `bytes` in all. */
function wavHead(): Uint8Array {
  const head = wavOf(new Uint8Array())
  const view = new DataView(head.buffer)
  view.setUint32(4, bytes - 8, true)
  view.setUint32(40, bytes - head.length, true)
  return head
}

/** The request's pieces in order; the same noise again and again. */
function* pieces(): Generator<Uint8Array> {
  const multipart = way === 'multipart'
  const before = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="noise.wav"\r\nContent-Type: audio/wav\r\n\r\n`
  const after = `\r\n--${BOUNDARY}--\r\n`
  const length = multipart ? before.length + bytes + after.length : bytes
  yield Buffer.from(
    [
      `POST ${pathname} HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      `Authorization: Bearer ${token}`,
      `Content-Type: ${multipart ? `multipart/form-data; boundary=${BOUNDARY}` : 'audio/wav'}`,
      `Content-Length: ${length}`,
      'Connection: close\r\n\r\n',
    ].join('\r\n'),
  )
  if (multipart) yield Buffer.from(before)
  const head = wavHead()
  yield head
  for (let left = bytes - head.length; left > 0; left -= NOISE_BYTES) yield noise.subarray(0, left)
  if (multipart) yield Buffer.from(after)
}

const socket = connect({ host: hostname, port: Number(port), noDelay: true })
const failed = Promise.withResolvers<never>()
const answered = Promise.withResolvers<string>()
let answer = ''
socket.on('error', failed.reject)
socket.on('data', (data) => {
  answer += data.toString('latin1')
  if (answer.includes('\r\n\r\n')) answered.resolve(answer)
})
socket.on('close', () => failed.reject(new Error(`closed before an answer: ${answer}`)))

async function send(): Promise<{ begunAt: number; sentAt: number }> {
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), failed.promise])
  const begunAt = Date.now()
  for (const piece of pieces()) {
    if (socket.write(piece)) continue
    const drained = new Promise((resolve) => socket.once('drain', resolve))
    // Whoever is refused is answered before everything is sent.
    await Promise.race([drained, answered.promise, failed.promise])
    if (answer) break
  }
  return { begunAt, sentAt: Date.now() }
}

const times = await send()
const said = await Promise.race([answered.promise, failed.promise])
const answeredAt = Date.now()
const status = Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 0)
console.log(
  JSON.stringify({ ...times, answeredAt, status, answer: said.slice(-ANSWER_CHARS) } satisfies Sent),
)
process.exit(0)
