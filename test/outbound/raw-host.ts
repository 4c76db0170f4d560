import { createServer, type Server } from 'node:net'

export type RawHost = Awaited<ReturnType<typeof openRawHost>>

/** A host that says `bytes` to whoever asks it something, and then closes or only waits. */
export async function openRawHost(bytes: string, then: 'closes' | 'waits') {
  const listening = Promise.withResolvers<void>()
  const server: Server = createServer((connection) => {
    connection.on('error', () => {})
    connection.once('data', () => (then === 'closes' ? connection.end(bytes) : connection.write(bytes)))
  }).listen(0, '127.0.0.1', listening.resolve)
  await listening.promise
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('not listening')
  return { url: `http://127.0.0.1:${address.port}/`, close: () => void server.close() }
}
