import { describe, expect, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { installed } from '../engines/installed-sidecar.ts'
import { signUp } from '../support/client.ts'
import { databases } from '../support/databases.ts'
import { copyEmbeddedTemplate } from '../support/embedded-template.ts'
import { fixtureText } from '../support/pcm.ts'
import { processesMarked } from '../support/processes.ts'
import { BUN, startService, withFolder } from '../support/service.ts'
import { ROOT, SIDECAR_DIR } from '../support/sidecar-dir.ts'
import { wordErrorRate } from '../support/words.ts'

/** Each start is stopped at a random moment of a different one of these parts of its first seconds. */
const MOMENTS = 12
const MOMENTS_WITHIN_MS = 3_000
/** The grace period of 10 s and five seconds more. */
const LONGEST_STOP_MS = 15_000
/** A sidecar that does not exist: the service has no engine. */
const NO_ENGINE = { SIDECAR_URL: 'http://127.0.0.1:9' }

const postgres = databases.find(({ name }) => name === 'Postgres')
const clip = Bun.file(join(ROOT, 'test/fixtures/speech.mp3'))

type Started = ReturnType<typeof start>

/** Starts the service; its child processes inherit the mark. */
function start(env: Record<string, string>, command = [...BUN, 'test/e2e/stop-after-step.ts']) {
  // The sidecar's environment keeps variables whose names start with LC_.
  const mark = crypto.randomUUID()
  const child = Bun.spawn(command, {
    cwd: ROOT,
    env: { ...process.env, PORT: '0', SIDECAR_DIR, ...env, LC_VERBATIM_TEST: mark },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let output = ''
  const waiting: (() => void)[] = []
  const read = (async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += chunk
      for (const look of waiting) look()
    }
    for (const look of waiting) look()
  })()
  return {
    child,
    mark,
    read,
    output: () => output,
    /** Resolves once the output contains `text`, or has ended. */
    async printed(text: string) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => (output.includes(text) || child.exitCode !== null) && resolve()
      waiting.push(look)
      look()
      await Promise.race([promise, read])
    },
  }
}

/** How a process ended after a signal, and which processes and locks it left. */
async function ending({ child, mark, read }: Started, { isSignaled = false } = {}) {
  if (!isSignaled) child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_STOP_MS + 2_000)
  await child.exited
  clearTimeout(late)
  await read
  return { code: child.exitCode, signal: child.signalCode, left: await processesMarked(mark) }
}

const CLEAN = { code: 0, signal: null, left: [] }

/** The steps of a start, in order. */
async function stepsOf(env: Record<string, string>): Promise<string[]> {
  const service = start(env)
  await service.printed('listening on')
  expect(await ending(service)).toEqual(CLEAN)
  const steps = service
    .output()
    .split('\n')
    .flatMap((line) => /^step: (.+)$/.exec(line)?.[1] ?? [])
  expect(steps.length).toBeGreaterThan(8)
  return steps
}

/** Stops one start after each of `steps`, by default after each step. */
async function stopAfterEachStep(env: Record<string, string>, steps?: string[]) {
  for (const step of steps ?? (await stepsOf(env))) {
    const service = start({ ...env, STOP_AFTER: step })
    const ended = await ending(service, { isSignaled: true })
    expect({ step, ...ended, output: service.output() }).toEqual({
      step,
      ...CLEAN,
      output: expect.stringContaining('SIGTERM: stopping'),
    })
  }
}

/** Stops no start twice after the same steps: each mode begins with steps of the mode `all`. */
async function stopAfterEachStepOfEveryMode(env: Record<string, string>) {
  const all = await stepsOf({ ...env, MODE: 'all' })
  const others = ['api', 'worker'].map(async (MODE) => {
    const steps = await stepsOf({ ...env, MODE })
    const own = steps.slice(steps.findIndex((step, index) => step !== all[index]))
    expect(own.length).toBeGreaterThan(1)
    await stopAfterEachStep({ ...env, MODE }, own)
  })
  await Promise.all([stopAfterEachStep({ ...env, MODE: 'all' }, all), ...others])
}

/** Starts the service with its sidecar, and checks the transcripts that `of` reads from it. */
async function expectAllFinished(env: Record<string, string>, of: (url: string) => Promise<string[]>) {
  const service = await startService(env)
  try {
    const text = await fixtureText()
    for (const transcription of await of(service.url)) {
      expect(wordErrorRate(text, transcription)).toBeLessThanOrEqual(0.1)
    }
  } finally {
    expect(await service.kill('SIGTERM')).toBe(0)
  }
}

describe.skipIf(process.platform !== 'linux')('SIGTERM during the start', () => {
  test('after each step stops the service with its sidecar, and accepted uploads are finished later', async () => {
    await installed()
    await withFolder(async (DATA_DIR) => {
      const first = await startService({ DATA_DIR, ...NO_ENGINE })
      const user = await signUp(first.url)
      const ids = [await user.upload(clip), await user.upload(clip)]
      expect(await first.kill('SIGTERM')).toBe(0)
      await stopAfterEachStep({ DATA_DIR })
      await expectAllFinished({ DATA_DIR }, async (url) => {
        const done = await Promise.all(ids.map((id) => user.finished(id, url)))
        return done.map(({ transcription }) => transcription ?? '')
      })
    })
  }, 300_000)

  test.skipIf(!postgres)(
    'after each step stops the service in every mode on Postgres, without an engine',
    async () => {
      if (!postgres) return
      const database = await postgres.open()
      await withFolder(async (DATA_DIR) => {
        const env = { DATA_DIR, DATABASE_URL: database.url ?? '' }
        const first = await startService({ ...env, ...NO_ENGINE, MODE: 'api' })
        const user = await signUp(first.url)
        const ids = [await user.upload(clip), await user.upload(clip)]
        expect(await first.kill('SIGTERM')).toBe(0)
        await stopAfterEachStepOfEveryMode({ ...env, ...NO_ENGINE })
        await expectAllFinished(env, async (url) => {
          const done = await Promise.all(ids.map((id) => user.finished(id, url)))
          return done.map(({ transcription }) => transcription ?? '')
        })
      })
      await database.close()
    },
    300_000,
  )

  test('at any moment of the first seconds stops the service, and accepted uploads are finished later', async () => {
    await installed()
    const stopAtRandomMoments = (env: Record<string, string>) =>
      withFolder(async (DATA_DIR) => {
        const first = await startService({ DATA_DIR, ...NO_ENGINE })
        const user = await signUp(first.url)
        const ids = [await user.upload(clip)]
        expect(await first.kill('SIGTERM')).toBe(0)
        for (let moment = 0; moment < MOMENTS; moment++) {
          const delay = ((moment + Math.random()) / MOMENTS) * MOMENTS_WITHIN_MS
          const service = start({ DATA_DIR, ...env }, [...BUN, 'src/main.ts'])
          const uploading = service.printed('listening on').then(async () => {
            const url = /listening on (\S+?);/.exec(service.output())?.[1]
            // A service that is stopping may refuse it.
            if (url) ids.push(await user.upload(clip, {}, url).catch(() => ''))
          })
          await Bun.sleep(delay)
          const ended = await ending(service)
          await uploading
          // Before Bun has run the first line, the signal itself ends the process.
          const isUnheard = ended.signal === 'SIGTERM' && service.output() === ''
          expect({ delay, ...ended, output: service.output() }).toMatchObject({
            delay,
            ...(isUnheard ? { code: null, left: [] } : CLEAN),
          })
        }
        await expectAllFinished({ DATA_DIR }, async (url) => {
          const accepted = ids.filter((id) => id !== '')
          const done = await Promise.all(accepted.map((id) => user.finished(id, url)))
          return done.map(({ transcription }) => transcription ?? '')
        })
      })
    await Promise.all([stopAtRandomMoments({}), stopAtRandomMoments(NO_ENGINE)])
  }, 400_000)

  test('while a database or a bucket never answers stops the service', async () => {
    using silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const settings = [
      { DATABASE_URL: `postgres://127.0.0.1:${silent.port}/none` },
      { STORAGE_URL: `s3://bucket?endpoint=http://127.0.0.1:${silent.port}` },
    ]
    const secrets = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
    for (const hanging of settings) {
      await withFolder(async (DATA_DIR) => {
        const service = start({ DATA_DIR, ...NO_ENGINE, ...secrets, ...hanging })
        await service.printed('STORAGE_URL' in hanging ? 'step: data directory' : 'step: storage')
        expect(await ending(service)).toEqual(CLEAN)
      })
    }
  }, 60_000)

  test('while the sidecar is being installed leaves no process and no half-made environment', async () => {
    for (const line of ['Creating a Python', 'environment: ']) {
      await withFolder(async (DATA_DIR) => {
        await copyEmbeddedTemplate(DATA_DIR)
        const service = start({ DATA_DIR, SIDECAR_DIR: '' })
        await service.printed(line)
        await Bun.sleep(500)
        expect(await ending(service)).toEqual(CLEAN)
        const installed = await readdir(join(DATA_DIR, 'sidecar')).catch(() => [])
        expect(installed.filter((name) => name.startsWith('venv-'))).toEqual([])
      })
    }
  }, 120_000)
})

describe.skipIf(process.platform !== 'linux')('a running service', () => {
  test('ends at once at a second signal, even during an upload', async () => {
    await withFolder(async (DATA_DIR) => {
      await copyEmbeddedTemplate(DATA_DIR)
      const service = start({ DATA_DIR, ...NO_ENGINE })
      await service.printed('listening on')
      const url = /listening on (\S+?);/.exec(service.output())?.[1] ?? ''
      const user = await signUp(url)
      const never = new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(1000)) })
      const headers = { ...user.headers, 'Content-Type': 'audio/mpeg' }
      const upload = fetch(`${url}/api/transcribe`, { method: 'POST', headers, body: never }).catch(
        () => null,
      )
      await Bun.sleep(300)
      service.child.kill('SIGTERM')
      await Bun.sleep(1_000)
      expect(service.child.exitCode).toBeNull()
      expect(await ending(service)).toEqual({ ...CLEAN, code: 1 })
      expect(service.output()).not.toContain('stopped')
      await upload
    })
  }, 60_000)

  test('stops after the grace period, even if an upload never ends', async () => {
    await withFolder(async (DATA_DIR) => {
      await copyEmbeddedTemplate(DATA_DIR)
      const service = start({ DATA_DIR, ...NO_ENGINE })
      await service.printed('listening on')
      const url = /listening on (\S+?);/.exec(service.output())?.[1] ?? ''
      const user = await signUp(url)
      let isOpen = true
      const slow = new ReadableStream({
        async pull(body) {
          if (!isOpen) return body.close()
          body.enqueue(new Uint8Array(10_000))
          await Bun.sleep(100)
        },
      })
      const headers = { ...user.headers, 'Content-Type': 'audio/mpeg' }
      const upload = fetch(`${url}/api/transcribe`, { method: 'POST', headers, body: slow }).catch(() => null)
      await Bun.sleep(300)
      expect(await ending(service)).toEqual(CLEAN)
      isOpen = false
      await upload
      expect(await readdir(join(DATA_DIR, 'incoming')).catch(() => [])).toEqual([])
    })
  }, 60_000)

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'stops when npm, its parent process, gets %s',
    async (signal) => {
      await withFolder(async (DATA_DIR) => {
        await copyEmbeddedTemplate(DATA_DIR)
        const service = start({ DATA_DIR, ...NO_ENGINE }, ['npm', 'start'])
        await service.printed('listening on')
        service.child.kill(signal)
        expect(await ending(service, { isSignaled: true })).toEqual(CLEAN)
        expect(service.output()).toContain('stopped')
      })
    },
    60_000,
  )
})
