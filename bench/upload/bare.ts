// The least that can be done with an upload: every request's body goes to a file and is synced; with `sha256` it is hashed
// on the way, with `discard` it is only counted. Says its address when it listens.
//
//   bun bench/upload/bare.ts disk|sha256|discard FILE
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

const [, , mode, path = ''] = process.argv

async function* countedOnly(body: AsyncIterable<Uint8Array>) {
  for await (const chunk of body) yield chunk.length
}

async function* written(body: AsyncIterable<Uint8Array>) {
  const hash = mode === 'sha256' ? createHash('sha256') : null
  const file = await open(path, 'w')
  try {
    for await (const chunk of body) {
      hash?.update(chunk)
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
      yield chunk.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
  hash?.digest('hex')
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 60,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  async fetch({ body }) {
    let bytes = 0
    if (body)
      for await (const length of mode === 'discard' ? countedOnly(body) : written(body)) bytes += length
    return Response.json({ bytes }, { status: 202 })
  },
})
console.log(server.url.href)
