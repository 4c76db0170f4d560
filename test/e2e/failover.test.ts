import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { asc, eq } from 'drizzle-orm'
import { openPglite } from '../../src/db/pglite.ts'
import { spans } from '../../src/db/schema.ts'
import { hostedServer, TOKEN } from '../engines/hosted-server.ts'
import { hearingThrough, realSidecar, sidecarAt } from '../engines/installed-sidecar.ts'
import { signUp } from '../support/client.ts'
import { fixtureText } from '../support/pcm.ts'
import { freePort, startService, withFolder } from '../support/service.ts'
import { wordErrorRate } from '../support/words.ts'
import { longRecording } from './recording.ts'

/** A recording of 15 minutes, mostly silent, so that its many spans take only seconds. */
const [REPEATS, PAUSE_SECONDS] = [30, 23]
const MEANWHILE = 3

/** The second engine of a service. `onRequest` is awaited before it transcribes. */
type Second = { settings: Record<string, string>; stop: () => Promise<unknown> }
type Opener = (folder: string, onRequest: () => Promise<void>) => Promise<Second>

/** The hosted server has the protocol of a dedicated endpoint, and transcribes with its own sidecar. */
const openHosted: Opener = async (_, onRequest) => {
  const behind = await realSidecar()
  const server = hostedServer({
    async hear(request) {
      await onRequest()
      return hearingThrough(`http://127.0.0.1:${await behind.ready}`, request)
    },
  })
  return {
    settings: { INFERENCE: 'sidecar,hosted', HF_TOKEN: TOKEN, HF_ENDPOINT_URL: server.endpointUrl },
    async stop() {
      server.stop()
      await behind.stop()
    },
  }
}

/** The OpenAI-compatible server is another Verbatim. */
const openVerbatim: Opener = async (folder, onRequest) => {
  const other = await startService({ DATA_DIR: join(folder, 'other') })
  const { token } = await signUp(other.url)
  await other.ready
  const proxy = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      const body = await request.blob()
      await onRequest()
      const { pathname } = new URL(request.url)
      const headers = new Headers(request.headers)
      headers.delete('host')
      return fetch(`${other.url}${pathname}`, { method: request.method, headers, body })
    },
  })
  return {
    settings: {
      INFERENCE: 'sidecar,openai',
      OPENAI_BASE_URL: `${proxy.url.origin}/v1`,
      OPENAI_API_KEY: token,
    },
    async stop() {
      await proxy.stop(true)
      await other.kill('SIGTERM')
    },
  }
}

test.each([
  ['hosted inference', 'huggingface', openHosted],
  ['another Verbatim', 'openai', openVerbatim],
] as const)(
  '%s takes over when a sidecar dies during a file, until it is back',
  async (_, name, open) => {
    await withFolder(async (folder) => {
      const port = freePort()
      let sidecar = await sidecarAt(port)
      const back = Promise.withResolvers<void>()
      let requests = 0
      const second = await open(folder, async () => {
        // Spans must be left for the sidecar.
        if (++requests > MEANWHILE) await back.promise
      })
      const service = await startService({ DATA_DIR: folder, SIDECAR_URL: sidecar.url, ...second.settings })
      const engines = async () => {
        const answer = await fetch(`${service.url}/health/ready`)
        const { checks }: { checks: { engine: { detail: string } } } = await answer.json()
        return checks.engine.detail
      }
      const sidecarIsUp = async () => {
        while (!(await engines()).startsWith('1 of 1 sidecars ready.')) await Bun.sleep(50)
      }
      await sidecarIsUp()
      const user = await signUp(service.url)
      const id = await user.upload(await longRecording(REPEATS, PAUSE_SECONDS), { language: 'en' })
      while ((await user.status(id)).progress === 0) await Bun.sleep(20)
      await sidecar.kill()
      while (requests <= MEANWHILE) await Bun.sleep(20)
      expect(await engines()).toContain(sidecar.url)

      sidecar = await sidecarAt(port)
      await sidecarIsUp()
      back.resolve()
      const done = await user.finished(id)
      expect(done.failure).toBeNull()
      expect(done.transcription?.match(/library/gi)?.length).toBe(REPEATS)
      const expected = Array(REPEATS)
        .fill(await fixtureText())
        .join(' ')
      expect(wordErrorRate(expected, done.transcription ?? '')).toBeLessThanOrEqual(0.05)
      expect(await service.kill('SIGTERM')).toBe(0)
      await sidecar.kill()
      await second.stop()

      const { db, close } = await openPglite({ dataDir: join(folder, 'postgres') })
      const rows = await db
        .select()
        .from(spans)
        .where(eq(spans.transcriptionId, id))
        .orderBy(asc(spans.finishedAt))
      await close()
      const by = rows.map(({ engine }) => engine)
      console.log(by.join(' '))
      expect(by[0]).toBe('sidecar')
      expect(by).toContain(name)
      expect(by.lastIndexOf('sidecar')).toBeGreaterThan(by.indexOf(name))
      expect(rows.every(({ state }) => state === 'done')).toBe(true)
    })
  },
  600_000,
)
