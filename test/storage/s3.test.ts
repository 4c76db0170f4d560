import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createObjects } from '../../src/storage/s3/objects.ts'
import { s3Storage } from '../../src/storage/s3/s3.ts'
import { bytesOf, haltingStream, keysBelow, storageContract, streamOf } from '../contracts/storage.ts'
import { temporaryFolder } from '../support/recordings.ts'
import { openS3Server, type S3Server } from '../support/s3-server.ts'
import { BUN } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { type Fault, openWay, refusal } from './way.ts'

setDefaultTimeout(300_000)

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

const place = (prefix: string) => {
  const { bucket, endpoint, region, credentials } = server
  const within = `${server.folder}/${prefix}`
  return { bucket, endpoint, region, credentials, prefix: within, scratch: folder.path }
}

const uploads = async () => (await server.ask('?uploads')).match(/<Upload>/g) ?? []

/** How many parts the only upload there is has. */
async function countParts(): Promise<number> {
  const xml = await server.ask('?uploads')
  const [key, id] = ['Key', 'UploadId'].map((name) => new RegExp(`<${name}>([^<]+)<`).exec(xml)?.[1])
  if (!key || !id) return 0
  return (await server.ask(`/${key}?uploadId=${id}`)).match(/<Part>/g)?.length ?? 0
}

storageContract({
  name: 'a bucket',
  // Two keys a page: whatever is listed takes several. And most files have more than their ends.
  open: () => s3Storage({ ...place('contract/suite'), pageSize: 2, endBytes: MEGABYTE }),
  remains: async () => [...(await uploads()), ...(await readdir(folder.path))],
  hasHalted: async () => (await countParts()) === 1,
  close: async () => {},
})

/** A store reached over a way on which `fault` happens. */
async function overWay(fault: Fault) {
  const way = openWay({ endpoint: server.endpoint, fault })
  const storage = await s3Storage({ ...place('way'), endpoint: way.endpoint })
  return { storage, [Symbol.asyncDispose]: () => way.close() }
}

const isPart = ({ method, url }: Request) => method === 'PUT' && url.includes('partNumber=')
const isCompletion = ({ method, url }: Request) => method === 'POST' && url.includes('uploadId=')

test('a store that is busy for a moment is asked again', async () => {
  const refused = new Set<string>()
  await using way = await overWay(({ method, url }) => {
    const asked = `${method} ${url}`
    if (!url.includes('/busy') || refused.has(asked)) return undefined
    refused.add(asked)
    return Promise.resolve(refused.size % 2 ? refusal(503, 'SlowDown') : refusal(500, 'InternalError'))
  })
  await way.storage.write('busy/audio', streamOf(LONG))
  expect(Buffer.compare(await bytesOf(await way.storage.read('busy/audio')), LONG)).toBe(0)
  expect(await way.storage.size('busy/audio')).toBe(LONG.length)
  await way.storage.remove('busy')
  // To begin, three parts, to complete; to read, to ask for the size; to list and to remove.
  expect(refused.size).toBeGreaterThanOrEqual(9)
})

test.each([
  ['a full store', 507, 'XMinioStorageFull'],
  ['a quota that is used up', 403, 'QuotaExceeded'],
])('%s ends an upload as storage_full, and nothing stays', async (_, status, code) => {
  await using way = await overWay((request) => {
    if (isPart(request) && request.url.includes('partNumber=2')) {
      return Promise.resolve(refusal(status, code))
    }
  })
  let over: unknown
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(MEGABYTE)),
    cancel: (reason) => {
      over = reason ?? 'canceled'
    },
  })
  const error = await way.storage.write('full/audio', body).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'storage_full' })
  expect(over).toBeDefined()
  expect(await uploads()).toEqual([])
  expect(await way.storage.size('full/audio')).toBeNull()
})

test('an upload whose completion fails after it was answered is completed again', async () => {
  let asked = 0
  await using way = await overWay((request) => {
    if (isCompletion(request) && asked++ === 0) return Promise.resolve(refusal(200, 'InternalError'))
  })
  await way.storage.write('again/audio', streamOf(LONG))
  expect(asked).toBe(2)
  expect(await way.storage.size('again/audio')).toBe(LONG.length)
})

test('an upload whose completion was heard, but not its answer, is there', async () => {
  let asked = 0
  await using way = await overWay((request, forward) => {
    if (isCompletion(request) && asked++ === 0) return forward().then(() => refusal(503, 'SlowDown'))
  })
  await way.storage.write('heard/audio', streamOf(LONG))
  expect(asked).toBe(2)
  expect(await way.storage.size('heard/audio')).toBe(LONG.length)
})

test('what was put together from other bytes than were sent is not there', async () => {
  await using way = await overWay((request) => {
    if (isCompletion(request)) return Promise.resolve(refusal(404, 'NoSuchUpload'))
  })
  await way.storage.write('other/audio', streamOf(LONG.subarray(0, 10)))
  const error = await way.storage.write('other/audio', streamOf(LONG)).catch((error: unknown) => error)
  expect(String(error)).toContain('NoSuchUpload')
  expect(await way.storage.size('other/audio')).toBe(10)
  expect(await uploads()).toEqual([])
})

test('a store that cannot be reached is reported as storage_unavailable, without its address', async () => {
  const objects = createObjects({ ...place('way'), endpoint: 'http://127.0.0.1:1' })
  const error = await objects.write('gone/audio', streamOf(LONG)).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'storage_unavailable', cause: expect.any(Error) })
  expect(String(error)).not.toContain('127.0.0.1')
})

test('an answer that ends too early is an error, not a shorter audio, and leaves no file behind', async () => {
  const early = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket, data) {
        const listed = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
        const listing = data.toString().includes('list-type')
        const [length, body] = listing ? [listed.length, listed] : [1000, 'only this']
        socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n${body}`)
      },
    },
  })
  const storage = await s3Storage({ ...place('way'), endpoint: `http://127.0.0.1:${early.port}` })
  await expect(bytesOf(await storage.read('early/audio'))).rejects.toThrow()
  let used = false
  const using = storage.withFile('early/audio', async () => {
    used = true
  })
  await expect(using).rejects.toThrow()
  expect(used).toBe(false)
  expect(await readdir(folder.path)).toEqual([])
  early.stop(true)
})

test('a store that sends all of it where a stretch was asked for is not believed', async () => {
  await using way = await overWay(({ method, headers }) => {
    if (method === 'GET' && headers.has('range')) return Promise.resolve(new Response(LONG))
  })
  await way.storage.write('all/audio', streamOf(LONG))
  await expect(way.storage.read('all/audio', { start: 5, end: 10 })).rejects.toThrow('ranges')
})

test('of a long file only the ends are fetched for who asks for no more', async () => {
  const ranges: (string | null)[] = []
  const way = openWay({
    endpoint: server.endpoint,
    fault: ({ method, headers, url }) => {
      if (method === 'GET' && url.includes('/audio')) ranges.push(headers.get('range'))
      return undefined
    },
  })
  const storage = await s3Storage({ ...place('ends'), endpoint: way.endpoint, endBytes: MEGABYTE })
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
  await way.close()
})

test('copies that a crash left on this machine are removed by their age', async () => {
  await using scratch = await temporaryFolder()
  const storage = await s3Storage({ ...place('copies'), scratch: scratch.path })
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

test('an upload that began long ago and still gets parts is not abandoned', async () => {
  const storage = await s3Storage(place('slow'))
  const { stream, goOn } = haltingStream(LONG, 9 * MEGABYTE, 17 * MEGABYTE)
  const writing = storage.write('still/audio', stream)
  while ((await countParts()) !== 1) await Bun.sleep(5)
  // A store's times are those of whole seconds.
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

test('what is no key of ours is not listed, and stays', async () => {
  const [ours, others] = [await s3Storage(place('ours')), await s3Storage(place('ours/many/Others'))]
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
  ['a bucket that is not there', { bucket: 'missing-bucket' }, /NoSuchBucket/],
])('%s is told when it is opened, in one line', async (_, wrong, reason) => {
  const error = await s3Storage({ ...place('wrong'), ...wrong }).catch((error: unknown) => error)
  expect(String(error)).toMatch(reason)
  expect(String(error)).not.toContain('\n')
})

test('a service whose bucket cannot be used does not start, and says so in one line', async () => {
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
