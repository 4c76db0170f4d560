// Asks as `Load` says, on sockets of its own: `fetch` would take more of the machine than the servers that are measured.
// Any answer but a 200 ends it.
//
//   bun bench/status/client.ts < load.json
import type { Load, Loaded } from './protocol.ts'

const load: Load = await Bun.stdin.json()
const { hostname, port } = new URL(load.origin)
const requests = load.targets.map(([path, token]) => {
  const bearer = load.tokens[token]
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${hostname}:${port}`, 'Accept: application/json']
  if (bearer !== undefined) lines.push(`Authorization: Bearer ${bearer}`)
  return `${lines.join('\r\n')}\r\n\r\n`
})
const times: number[] = []
const begun = performance.now()
const end = begun + load.seconds * 1000

await Promise.all(Array.from({ length: load.connections }, connection))
const loaded: Loaded = {
  answers: times.length,
  seconds: (performance.now() - begun) / 1000,
  percentiles: percentiles(times),
  cpuSeconds: cpuSeconds(),
}
console.log(JSON.stringify(loaded))
process.exit(0)

/** One request after another; resolves when the time is over. */
async function connection(): Promise<void> {
  const over = Promise.withResolvers<void>()
  let sentAt = 0
  let head = ''
  /** Bytes of the answer that have not come; null until its head has. */
  let missing: number | null = null

  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_, chunk) => receive(chunk),
      error: (_, error) => over.reject(error),
      close: () => over.reject(new Error('the connection was closed')),
    },
  })
  next()
  return over.promise

  function next() {
    if (performance.now() >= end) return over.resolve()
    head = ''
    missing = null
    sentAt = performance.now()
    socket.write(requests[Math.floor(Math.random() * requests.length)] ?? '')
  }

  function receive(chunk: Uint8Array) {
    if (missing === null) {
      head += Buffer.from(chunk).toString('latin1')
      missing = missingOf(head)
    } else missing -= chunk.length
    if (missing !== 0) return
    times.push(performance.now() - sentAt)
    next()
  }

  function missingOf(head: string): number | null {
    const headEnd = head.indexOf('\r\n\r\n')
    if (headEnd < 0) return null
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]
    if (!head.startsWith('HTTP/1.1 200') || length === undefined) {
      over.reject(new Error(`it answers ${head.slice(0, 500)}`))
      return null
    }
    return headEnd + 4 + Number(length) - head.length
  }
}

function percentiles(times: number[]): number[] {
  const sorted = Float64Array.from(times).sort()
  return Array.from({ length: 100 }, (_, of) => sorted[Math.floor((of / 100) * sorted.length)] ?? Number.NaN)
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
