import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createObjects } from '../../src/storage/s3/objects.ts'
import { s3Storage } from '../../src/storage/s3/s3.ts'
import { bytesOf, haltingStream, keysBelow, storageContract, streamOf } from '../contracts/storage.ts'
import { temporaryFolder } from '../support/recordings.ts'
import { openS3Server, type S3Server } from '../support/s3-server.ts'
import { BUN } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { errorResponse, type Fault, openFaultyProxy } from './faulty-proxy.ts'

const MEGABYTE = 2 ** 20
const LONG = new Uint8Array(18 * MEGABYTE).map((_, index) => index % 251)

let server: S3Server
const folder = await temporaryFolder()
beforeAll(async () => {
  server = await openS3Server()
})
afterAll(async () => {
  await server?.stop()
  await folder[Symbol.asyncDispose]()
})

const options = (prefix: string) => {
  const { bucket, endpoint, region, credentials } = server
  return {
    bucket,
    endpoint,
    region,
    credentials,
    prefix: `${server.folder}/${prefix}`,
    scratch: folder.path,
  }
}

const uploads = async () => (await server.ask('?uploads')).match(/<Upload>/g) ?? []

/** The number of parts of the only unfinished upload. */
async function countParts(): Promise<number> {
  const xml = await server.ask('?uploads')
  const [key, id] = ['Key', 'UploadId'].map((name) => new RegExp(`<${name}>([^<]+)<`).exec(xml)?.[1])
  if (!key || !id) return 0
  return (await server.ask(`/${key}?uploadId=${id}`)).match(/<Part>/g)?.length ?? 0
}

storageContract({
  name: 'a bucket',
  // Two keys a page, so that listings have several pages. Most files are longer than their two ends.
  open: () => s3Storage({ ...options('contract/suite'), pageSize: 2, endBytes: MEGABYTE }),
  remains: async () => [...(await uploads()), ...(await readdir(folder.path))],
  hasHalted: async () => (await countParts()) === 1,
  close: async () => {},
})

/** A storage behind a proxy that causes `fault`. */
async function storageThroughProxy(fault: Fault) {
  const proxy = openFaultyProxy({ endpoint: server.endpoint, fault })
  const storage = await s3Storage({ ...options('proxied'), endpoint: proxy.endpoint })
  return { storage, [Symbol.asyncDispose]: () => proxy.close() }
}

const isPart = ({ method, url }: Request) => method === 'PUT' && url.includes('partNumber=')
const isCompletion = ({ method, url }: Request) => method === 'POST' && url.includes('uploadId=')

test('requests to a busy store are repeated', async () => {
  const failedOnce = new Set<string>()
  await using proxied = await storageThroughProxy(({ method, url }) => {
    const requestLine = `${method} ${url}`
    if (!url.includes('/busy') || failedOnce.has(requestLine)) return undefined
    failedOnce.add(requestLine)
    return Promise.resolve(
      failedOnce.size % 2 ? errorResponse(503, 'SlowDown') : errorResponse(500, 'InternalError'),
    )
  })
  await proxied.storage.write('busy/audio', streamOf(LONG))
  expect(Buffer.compare(await bytesOf(await proxied.storage.read('busy/audio')), LONG)).toBe(0)
  expect(await proxied.storage.size('busy/audio')).toBe(LONG.length)
  await proxied.storage.remove('busy')
  // Create the upload, three parts, complete it; read, size; list and remove.
  expect(failedOnce.size).toBeGreaterThanOrEqual(9)
})

test.each([
  ['a full store', 507, 'XMinioStorageFull'],
  ['an exhausted quota', 403, 'QuotaExceeded'],
])('%s fails a write with storage_full, and nothing remains', async (_, status, code) => {
  await using proxied = await storageThroughProxy((request) => {
    if (isPart(request) && request.url.includes('partNumber=2')) {
      return Promise.resolve(errorResponse(status, code))
    }
    return undefined
  })
  let cancelReason: unknown
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(MEGABYTE)),
    cancel: (reason) => {
      cancelReason = reason ?? 'canceled'
    },
  })
  const error = await proxied.storage.write('full/audio', body).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'storage_full' })
  expect(cancelReason).toBeDefined()
  expect(await uploads()).toEqual([])
  expect(await proxied.storage.size('full/audio')).toBeNull()
})

test('a completion whose response is 200 with an error is repeated', async () => {
  let completions = 0
  await using proxied = await storageThroughProxy((request) => {
    if (isCompletion(request) && completions++ === 0)
      return Promise.resolve(errorResponse(200, 'InternalError'))
    return undefined
  })
  await proxied.storage.write('again/audio', streamOf(LONG))
  expect(completions).toBe(2)
  expect(await proxied.storage.size('again/audio')).toBe(LONG.length)
})

test('a write succeeds if the upload is complete and only the response was lost', async () => {
  let completions = 0
  await using proxied = await storageThroughProxy((request, forward) => {
    if (isCompletion(request) && completions++ === 0)
      return forward().then(() => errorResponse(503, 'SlowDown'))
    return undefined
  })
  await proxied.storage.write('heard/audio', streamOf(LONG))
  expect(completions).toBe(2)
  expect(await proxied.storage.size('heard/audio')).toBe(LONG.length)
})

test('a write fails if the completed object is not the one that was sent', async () => {
  await using proxied = await storageThroughProxy((request) => {
    if (isCompletion(request)) return Promise.resolve(errorResponse(404, 'NoSuchUpload'))
    return undefined
  })
  await proxied.storage.write('other/audio', streamOf(LONG.subarray(0, 10)))
  const error = await proxied.storage.write('other/audio', streamOf(LONG)).catch((error: unknown) => error)
  expect(String(error)).toContain('NoSuchUpload')
  expect(await proxied.storage.size('other/audio')).toBe(10)
  expect(await uploads()).toEqual([])
})

test('temporary credentials sign their session token in every request', async () => {
  const unsigned: string[] = []
  const proxy = openFaultyProxy({
    endpoint: server.endpoint,
    fault: ({ method, url, headers }) => {
      const signedHeaders = /SignedHeaders=([^,]+)/.exec(headers.get('authorization') ?? '')?.[1]?.split(';')
      const isSigned = signedHeaders?.includes('x-amz-security-token')
      if (!isSigned || headers.get('x-amz-security-token') !== 'a token') unsigned.push(`${method} ${url}`)
      return undefined
    },
  })
  const credentials = { ...server.credentials, sessionToken: 'a token' }
  const storage = await s3Storage({ ...options('token'), endpoint: proxy.endpoint, credentials })
  await storage.write('token/audio', streamOf(LONG))
  expect(Buffer.compare(await bytesOf(await storage.read('token/audio')), LONG)).toBe(0)
  await storage.removeAbandoned(new Date())
  await storage.remove('token')
  expect(unsigned).toEqual([])
  await proxy.close()
})

test('each part is signed with the hash of its bytes, so a store refuses altered bytes', async () => {
  const hashes: (string | null)[] = []
  await using proxied = await storageThroughProxy((request) => {
    if (isPart(request)) hashes.push(request.headers.get('x-amz-content-sha256'))
    return undefined
  })
  await proxied.storage.write('hashed/audio', streamOf(LONG))
  const sha256 = (start: number, end: number) =>
    createHash('sha256').update(LONG.subarray(start, end)).digest('hex')
  const ends = [8 * MEGABYTE, 16 * MEGABYTE, LONG.length]
  expect(hashes).toEqual(ends.map((end, index) => sha256(ends[index - 1] ?? 0, end)))
})

const ENDLESS = new Uint8Array(64 * 1024).fill(32)
const endlessBody = () =>
  new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(ENDLESS) })

test('an endless error response fails the request', async () => {
  await using proxied = await storageThroughProxy(({ method }) => {
    if (method === 'PUT') return Promise.resolve(new Response(endlessBody(), { status: 400 }))
    return undefined
  })
  const error = await proxied.storage.write('endless/audio', streamOf(LONG.subarray(0, 10))).catch(String)
  expect(error).toBe('S3Error: 400 without a code: no reason was given')
})

test('an endless listing fails the request', async () => {
  await using proxied = await storageThroughProxy(({ url }) => {
    if (url.includes('endless')) return Promise.resolve(new Response(endlessBody()))
    return undefined
  })
  const error = await keysBelow(proxied.storage, 'endless').catch(String)
  expect(error).toBe('S3Error: 200 ResponseTooLarge: the response is larger than 8388608 bytes')
})

test('an unreachable store throws storage_unavailable, without its address', async () => {
  const objects = createObjects({ ...options('proxied'), endpoint: 'http://127.0.0.1:1' })
  const error = await objects.write('gone/audio', streamOf(LONG)).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'storage_unavailable', cause: expect.any(Error) })
  expect(String(error)).not.toContain('127.0.0.1')
})

test('a truncated response is an error, and leaves no file behind', async () => {
  const truncating = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket, data) {
        const emptyList = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
        const listing = data.toString().includes('list-type')
        const [length, body] = listing ? [emptyList.length, emptyList] : [1000, 'only this']
        socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n${body}`)
      },
    },
  })
  const storage = await s3Storage({ ...options('proxied'), endpoint: `http://127.0.0.1:${truncating.port}` })
  await expect(bytesOf(await storage.read('early/audio'))).rejects.toThrow()
  let isUsed = false
  const using = storage.withFile('early/audio', async () => {
    isUsed = true
  })
  await expect(using).rejects.toThrow()
  expect(isUsed).toBe(false)
  expect(await readdir(folder.path)).toEqual([])
  truncating.stop(true)
})

test('a range read fails if the store sends the whole object', async () => {
  await using proxied = await storageThroughProxy(({ method, headers }) => {
    if (method === 'GET' && headers.has('range')) return Promise.resolve(new Response(LONG))
    return undefined
  })
  await proxied.storage.write('all/audio', streamOf(LONG))
  await expect(proxied.storage.read('all/audio', { start: 5, end: 10 })).rejects.toThrow('ignores Range')
})

test('withEnds downloads only the ends of a long file', async () => {
  const ranges: (string | null)[] = []
  const proxy = openFaultyProxy({
    endpoint: server.endpoint,
    fault: ({ method, headers, url }) => {
      if (method === 'GET' && url.includes('/audio')) ranges.push(headers.get('range'))
      return undefined
    },
  })
  const storage = await s3Storage({ ...options('ends'), endpoint: proxy.endpoint, endBytes: MEGABYTE })
  const size = LONG.length
  const shown = async (length: number) => {
    await storage.write('long/audio', streamOf(LONG.subarray(0, length)))
    return storage.withEnds('long/audio', async (path, whole) => ({
      whole,
      bytes: await Bun.file(path).bytes(),
    }))
  }
  const long = await shown(size)
  expect(long.whole).toBe(false)
  const gap = new Uint8Array(size - 2 * MEGABYTE)
  const expected = Buffer.concat([LONG.subarray(0, MEGABYTE), gap, LONG.subarray(-MEGABYTE)])
  expect(Buffer.compare(long.bytes, expected)).toBe(0)
  expect(ranges).toEqual([`bytes=0-${MEGABYTE - 1}`, `bytes=${size - MEGABYTE}-${size - 1}`])

  expect((await shown(2 * MEGABYTE)).whole).toBe(true)
  expect((await shown(2 * MEGABYTE + 1)).whole).toBe(false)
  await proxy.close()
})

test('removeAbandoned removes old local copies that a crash left', async () => {
  await using scratch = await temporaryFolder()
  const storage = await s3Storage({ ...options('copies'), scratch: scratch.path })
  await storage.write('kept/audio', streamOf(LONG.subarray(0, 10)))
  await writeFile(join(scratch.path, 'left'), LONG)
  const dayAgo = new Date(Date.now() - 86_400_000)
  await utimes(join(scratch.path, 'left'), dayAgo, dayAgo)
  await storage.withFile('kept/audio', async (path) => {
    expect(await storage.removeAbandoned(new Date(Date.now() - 3_600_000))).toBe(1)
    expect(await Bun.file(path).bytes()).toEqual(LONG.slice(0, 10))
  })
  expect(await readdir(scratch.path)).toEqual([])
})

test('an old upload that still receives parts is not abandoned', async () => {
  const storage = await s3Storage(options('slow'))
  const { stream, goOn } = haltingStream(LONG, 9 * MEGABYTE, 17 * MEGABYTE)
  const writing = storage.write('still/audio', stream)
  while ((await countParts()) !== 1) await Bun.sleep(5)
  // The store's times have a resolution of one second.
  await Bun.sleep(1100)
  const before = new Date()
  await Bun.sleep(1100)
  goOn()
  while ((await countParts()) !== 2) await Bun.sleep(5)
  expect(await storage.removeAbandoned(before)).toBe(0)
  goOn()
  await writing
  expect(Buffer.compare(await bytesOf(await storage.read('still/audio')), LONG)).toBe(0)
})

test('objects of others below the prefix are neither listed nor removed', async () => {
  const [ours, others] = [await s3Storage(options('ours')), await s3Storage(options('ours/many/Others'))]
  await ours.write('many/audio', streamOf(LONG.subarray(0, 10)))
  await others.write('their/audio', streamOf(LONG.subarray(0, 10)))
  expect(await server.ask(`?list-type=2&prefix=${server.folder}`)).toContain('ours/many/Others/their/audio')
  expect(await keysBelow(ours, 'many')).toEqual(['many/audio'])
  await ours.remove('many')
  expect(await others.size('their/audio')).toBe(10)
})

test.each([
  [
    'a wrong secret',
    { credentials: { accessKeyId: 'tests', secretAccessKey: 'wrong' } },
    /SignatureDoesNotMatch/,
  ],
  ['an unknown key', { credentials: { accessKeyId: 'who', secretAccessKey: 'wrong' } }, /access ?key/i],
  ['a missing bucket', { bucket: 'missing-bucket' }, /NoSuchBucket/],
])('opening the storage with %s fails with the reason in one line', async (_, wrong, reason) => {
  const error = await s3Storage({ ...options('wrong'), ...wrong }).catch((error: unknown) => error)
  expect(String(error)).toMatch(reason)
  expect(String(error)).not.toContain('\n')
})

test('a service with an unusable bucket does not start, and prints the reason in one line', async () => {
  await using data = await temporaryFolder()
  const service = Bun.spawn([...BUN, 'src/main.ts'], {
    cwd: ROOT,
    env: {
      ...process.env,
      PORT: '0',
      DATA_DIR: data.path,
      STORAGE_URL: `s3://missing-bucket/audio?endpoint=${server.endpoint}`,
      AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
    },
    stderr: 'pipe',
  })
  const said = await new Response(service.stderr).text()
  expect(said).toMatch(/^The bucket of STORAGE_URL cannot be used: 404 NoSuchBucket: .*\n$/)
  expect(await service.exited).toBe(1)
})
