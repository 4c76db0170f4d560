// The minimum that a server must do for an upload: it writes each request's body to a file and syncs it.
// `sha256` also hashes the body, and `discard` only counts its bytes.
//
//   bun bench/upload/bare.ts disk|sha256|discard FILE
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

const [, , mode, path = ''] = process.argv

async function store(body: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0
  await using file = mode === 'discard' ? null : await open(path, 'w')
  const hash = mode === 'sha256' ? createHash('sha256') : null
  for await (const chunk of body) {
    bytes += chunk.length
    hash?.update(chunk)
    for (let at = 0; file && at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
  }
  hash?.digest('hex')
  await file?.sync()
  return bytes
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 60,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  fetch: async ({ body }) => Response.json({ bytes: body ? await store(body) : 0 }, { status: 202 }),
})
console.log(server.url.href)
