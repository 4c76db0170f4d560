import { createServer, type Server } from 'node:net'

export type RawHost = { url: string; close: () => void }

/** A host that says `bytes` to whoever asks it something, and then closes or only waits. */
export async function openRawHost(bytes: string, then: 'closes' | 'waits'): Promise<RawHost> {
  const server = createServer((connection) => {
    connection.on('error', () => {})
    connection.once('data', () => (then === 'closes' ? connection.end(bytes) : connection.write(bytes)))
  })
  return opened(server)
}

/** A host that sends `first`, then `piece` repeatedly until the client closes the connection. */
export async function openEndlessHost(piece: string, first = '') {
  let sent = 0
  const { promise: left, resolve: leave } = Promise.withResolvers<void>()
  const pieces = piece.repeat(Math.ceil(16_384 / piece.length))
  const server = createServer((connection) => {
    connection.on('error', () => {})
    connection.on('close', leave)
    const more = () => {
      sent += pieces.length
      // In turns, so that this test's own event loop is not held up.
      connection.write(pieces, () => connection.destroyed || setImmediate(more))
    }
    connection.once('data', () => {
      connection.write(first)
      more()
    })
  })
  return { ...(await opened(server)), left, sent: () => sent }
}

async function opened(server: Server): Promise<RawHost> {
  const listening = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', listening.resolve)
  await listening.promise
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('not listening')
  return { url: `http://127.0.0.1:${address.port}/`, close: () => void server.close() }
}
