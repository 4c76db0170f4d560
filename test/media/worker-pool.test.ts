import { afterAll, beforeAll, expect, test } from 'bun:test'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { compileCore } from '../../src/media/ffmpeg/compiled-core.ts'
import { runJob } from '../../src/media/ffmpeg/job.ts'
import { createWorkerPool, type WorkerPool } from '../../src/media/ffmpeg/worker-pool.ts'
import { fixture, temporaryFolder } from '../support/recordings.ts'

let module: WebAssembly.Module
const pools: WorkerPool[] = []

beforeAll(async () => {
  module = await compileCore()
})
afterAll(() => Promise.all(pools.map((pool) => pool.close())))

function poolOf(options: { maxIdle: number; idleMs?: number }): WorkerPool {
  const pool = createWorkerPool(options)
  pools.push(pool)
  return pool
}

async function probe(pool: WorkerPool, path: string, { isAborted = false } = {}) {
  await using file = await open(path)
  const { size } = await file.stat()
  const task = { kind: 'probe', input: { fd: file.fd, size }, track: null, decodesUpTo: 0 } as const
  const abort = new AbortController()
  const probing = runJob({ pool, module, task, timeoutMs: 60_000, signal: abort.signal })
  if (isAborted) abort.abort('not wanted')
  return await probing
}

test('a Worker gets another file only after a file without an error', async () => {
  await using folder = await temporaryFolder()
  const noise = join(folder.path, 'noise')
  await Bun.write(noise, new Uint8Array(4096).fill(7))
  const pool = poolOf({ maxIdle: 1 })
  await probe(pool, fixture('speech.mp3'))
  const worker = pool.take()
  await pool.giveBack(worker)
  expect(await probe(pool, fixture('speech.ogg'))).toMatchObject({ kind: 'probed' })
  expect(pool.take()).toBe(worker)
  await pool.giveBack(worker)
  expect(await probe(pool, noise).catch((error) => error)).toMatchObject({ code: 'unsupported_type' })
  await worker.ended
  expect(await probe(pool, fixture('speech.mp3'))).toMatchObject({ kind: 'probed' })
})

test('a Worker whose job is aborted ends', async () => {
  const pool = poolOf({ maxIdle: 1 })
  await probe(pool, fixture('speech.mp3'))
  const worker = pool.take()
  await pool.giveBack(worker)
  expect(await probe(pool, fixture('speech.mp3'), { isAborted: true }).catch((error) => error)).toBe(
    'not wanted',
  )
  await worker.ended
})

test('at most `maxIdle` Workers are kept, and for `idleMs` only', async () => {
  const pool = poolOf({ maxIdle: 1, idleMs: 50 })
  const [one, two] = [pool.take(), pool.take()]
  await pool.giveBack(one)
  await pool.giveBack(two)
  await Promise.all([one.ended, two.ended])
})
