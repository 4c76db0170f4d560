// Sends one wav of noise over a plain socket, as fast as the server reads it. The client repeats a few MiB of
// noise, so that generating the noise is not part of the measurement.
import { randomFillSync } from 'node:crypto'
import { connect } from 'node:net'
import { wavOf } from '../../src/media/wav.ts'
import type { Format } from './servers.ts'

/** The input: `bytes` is the size of the wav. */
export type Upload = { url: string; format: Format; token: string; bytes: number }

/** The output: `milliseconds` from the first byte to the answer; `answer` is the end of the response. */
export type Sent = { milliseconds: number; status: number; answer: string }

const NOISE_BYTES = 4 * 2 ** 20
const BOUNDARY = '----upload-bench-4f1b7c2e9d'
const BEFORE = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="noise.wav"\r\nContent-Type: audio/wav\r\n\r\n`
const AFTER = `\r\n--${BOUNDARY}--\r\n`

const { url, format, token, bytes }: Upload = await Bun.stdin.json()
const { hostname, port, pathname } = new URL(url)
const noise = randomFillSync(Buffer.alloc(NOISE_BYTES))

function wavHead(): Uint8Array {
  const head = wavOf(new Uint8Array())
  const view = new DataView(head.buffer)
  view.setUint32(4, bytes - 8, true)
  view.setUint32(40, bytes - head.length, true)
  return head
}

function* chunks(): Generator<Uint8Array> {
  const isForm = format === 'multipart'
  yield Buffer.from(
    [
      `POST ${pathname} HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      `Authorization: Bearer ${token}`,
      `Content-Type: ${isForm ? `multipart/form-data; boundary=${BOUNDARY}` : 'audio/wav'}`,
      `Content-Length: ${isForm ? BEFORE.length + bytes + AFTER.length : bytes}`,
      'Connection: close\r\n\r\n',
    ].join('\r\n'),
  )
  if (isForm) yield Buffer.from(BEFORE)
  const head = wavHead()
  yield head
  for (let left = bytes - head.length; left > 0; left -= NOISE_BYTES) yield noise.subarray(0, left)
  if (isForm) yield Buffer.from(AFTER)
}

const socket = connect({ host: hostname, port: Number(port), noDelay: true })
const answered = Promise.withResolvers<string>()
let answer = ''
socket.on('error', answered.reject)
socket.on('data', (data) => {
  answer += data.toString('latin1')
  if (answer.includes('\r\n\r\n')) answered.resolve(answer)
})
socket.on('close', () => answered.reject(new Error(`the connection was closed before an answer: ${answer}`)))

await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), answered.promise])
const start = Date.now()
for (const chunk of chunks()) {
  // A server that refuses the upload answers before it has read all of it.
  if (answer) break
  if (socket.write(chunk)) continue
  await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), answered.promise])
}
const response = await answered.promise
const sent: Sent = {
  milliseconds: Date.now() - start,
  status: Number(/^HTTP\/1\.1 (\d+)/.exec(response)?.[1]),
  answer: response.slice(-300),
}
console.log(JSON.stringify(sent))
process.exit(0)
