// Sends GET requests over plain sockets: `fetch` would take more CPU than the measured servers. Every answer must be a 200.

/** The input. Each connection requests random paths, one after another. */
export type Load = { origin: string; paths: string[]; token: string; connections: number; seconds: number }

/** The output. `percentiles` are milliseconds from a request to the end of its answer, for 0, 1, … 99 %. */
export type LoadResult = { answers: number; seconds: number; percentiles: number[]; cpuSeconds: number }

const { origin, paths, token, connections, seconds }: Load = await Bun.stdin.json()
const { hostname, port } = new URL(origin)
const requests = paths.map(
  (path) => `GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
)
const times: number[] = []
const start = performance.now()
const end = start + seconds * 1000

await Promise.all(Array.from({ length: connections }, runConnection))
const { user, system } = process.cpuUsage()
const sorted = times.toSorted((a, b) => a - b)
const result: LoadResult = {
  answers: times.length,
  seconds: (performance.now() - start) / 1000,
  percentiles: Array.from({ length: 100 }, (_, of) => sorted[Math.floor((of / 100) * sorted.length)] ?? 0),
  cpuSeconds: (user + system) / 1e6,
}
console.log(JSON.stringify(result))
process.exit(0)

async function runConnection(): Promise<void> {
  const done = Promise.withResolvers<void>()
  let sentAt = 0
  let head = ''
  /** The bytes of the answer that have not arrived; null while its head is incomplete. */
  let missing: number | null = null

  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_, chunk) => receive(chunk),
      error: (_, error) => done.reject(error),
      close: () => done.reject(new Error('the server closed the connection')),
    },
  })
  send()
  return done.promise

  function send() {
    if (performance.now() >= end) return done.resolve()
    head = ''
    missing = null
    sentAt = performance.now()
    socket.write(requests[Math.floor(Math.random() * requests.length)] ?? '')
  }

  function receive(chunk: Uint8Array) {
    if (missing === null) {
      head += Buffer.from(chunk).toString('latin1')
      missing = missingAfter(head)
    } else missing -= chunk.length
    if (missing !== 0) return
    times.push(performance.now() - sentAt)
    send()
  }

  function missingAfter(received: string): number | null {
    const headEnd = received.indexOf('\r\n\r\n')
    if (headEnd < 0) return null
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received)?.[1]
    if (!received.startsWith('HTTP/1.1 200') || length === undefined) {
      done.reject(new Error(`unexpected answer: ${received.slice(0, 500)}`))
      return null
    }
    return headEnd + 4 + Number(length) - received.length
  }
}
