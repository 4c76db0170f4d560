import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { cp, readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { amplyAbove, fixture, temporaryFolder, writeSilence } from '../support/recordings.ts'
import { decodeWhole } from './decode-whole.ts'

/** Longer than any machine decodes while a test runs. */
const ENDLESS_SECONDS = 100_000

/** A folder with an endless recording, and what is being decoded in it. */
async function endlessWork(concurrency: number, decodeMs?: number) {
  const folder = await temporaryFolder()
  const media = ffmpegMedia({ concurrency, ...(decodeMs ? { timeouts: { decodeMs } } : {}) })
  const path = join(folder.path, 'endless.wav')
  await writeSilence(path, ENDLESS_SECONDS)
  const running = new Set<string>()
  return {
    media,
    /** The names of the decodes that are under way. */
    running: () => [...running].sort(),
    start(name: string) {
      const started = Promise.withResolvers<void>()
      const abort = new AbortController()
      const ended = media
        .decode({
          path,
          maxSeconds: ENDLESS_SECONDS,
          signal: abort.signal,
          async take() {
            running.add(name)
            started.resolve()
          },
        })
        .catch((error) => error)
        .finally(() => running.delete(name))
      return { started: started.promise, ended, abort: () => abort.abort(new Error(`no more ${name}`)) }
    },
    short: () => decodeWhole(media, { path: fixture('speech.ogg'), maxSeconds: 60 }),
    async [Symbol.asyncDispose]() {
      await media.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** How often this process has a recording open. */
async function openRecordings(): Promise<number> {
  const descriptors = await readdir('/proc/self/fd')
  const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return paths.filter((path) => path.endsWith('endless.wav')).length
}

describe('ffmpegMedia', () => {
  test('runs at most `concurrency` decodes; the next starts when one ends', async () => {
    await using work = await endlessWork(2)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => work.start(name))
    await Promise.all([a?.started, b?.started])
    expect(work.running()).toEqual(['a', 'b'])
    a?.abort()
    await c?.started
    expect(work.running()).toEqual(['b', 'c'])
    b?.abort()
    await d?.started
    expect(work.running()).toEqual(['c', 'd'])
  })

  test('probes while every decoding slot is occupied', async () => {
    await using work = await endlessWork(1)
    await work.start('a').started
    expect(await work.media.probe(fixture('speech.mp3'))).toMatchObject({ codec: 'mp3' })
  })

  test('an abort ends a running or waiting decode and frees its slot', async () => {
    await using work = await endlessWork(1)
    const running = work.start('running')
    const queued = work.start('queued')
    await running.started
    if (process.platform === 'linux') expect(await openRecordings()).toBe(1)
    queued.abort()
    expect(await queued.ended).toEqual(new Error('no more queued'))
    running.abort()
    expect(await running.ended).toEqual(new Error('no more running'))
    if (process.platform === 'linux') expect(await openRecordings()).toBe(0)
    expect((await work.short()).samples).toBeGreaterThan(0)
  })

  test('an abort before the start throws its reason and starts nothing', async () => {
    await using work = await endlessWork(1)
    const reason = new Error('not wanted')
    expect(
      await work.media.probe(fixture('speech.mp3'), { signal: AbortSignal.abort(reason) }).catch((e) => e),
    ).toBe(reason)
  })

  test('a decode is killed at its deadline', async () => {
    await using unlimited = await endlessWork(1)
    await using work = await endlessWork(1, await amplyAbove(unlimited.short))
    const late = work.start('late')
    expect(await late.ended).toMatchObject({
      code: 'corrupt',
      message: 'The file took too long to read.',
    })
    expect((await work.short()).samples).toBeGreaterThan(0)
  })

  test('close ends running and waiting jobs', async () => {
    await using work = await endlessWork(1)
    const running = work.start('running')
    const queued = work.start('queued')
    await running.started
    await work.media.close()
    for (const job of [running, queued]) expect(await job.ended).toMatchObject({ code: 'media_unavailable' })
    expect(await work.short().catch((error) => error)).toMatchObject({ code: 'media_unavailable' })
  })

  test('the error says how to install a missing decoder', async () => {
    await using folder = await temporaryFolder()
    const source = fileURLToPath(new URL('../../src', import.meta.url))
    await cp(join(source, 'media'), join(folder.path, 'src/media'), { recursive: true })
    await cp(join(source, 'errors.ts'), join(folder.path, 'src/errors.ts'))
    const script = join(folder.path, 'try.ts')
    await writeFile(
      script,
      `import { ffmpegMedia } from './src/media/ffmpeg/ffmpeg-media.ts'
       const error = await ffmpegMedia().probe(import.meta.path).catch((error) => error)
       console.log(error.code, error.message)`,
    )
    const child = Bun.spawn([process.execPath, '--no-install', script], { cwd: folder.path, stdout: 'pipe' })
    const said = await new Response(child.stdout).text()
    expect(said).toStartWith('media_unavailable The audio decoder is not installed: run "npm install')
    expect(existsSync(join(folder.path, 'node_modules'))).toBe(false)
  })
})
