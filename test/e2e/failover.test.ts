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
const HOSTED_MEANWHILE = 3

test('hosted inference takes over when a sidecar dies during a file, until the sidecar is back', async () => {
  await withFolder(async (folder) => {
    const port = freePort()
    let sidecar = await sidecarAt(port)
    // The hosted server has the protocol of a dedicated endpoint, and transcribes with its own sidecar.
    const behind = await realSidecar()
    const back = Promise.withResolvers<void>()
    let hostedRequests = 0
    const hosted = hostedServer({
      async hear(request) {
        // Spans must be left for the sidecar.
        if (++hostedRequests > HOSTED_MEANWHILE) await back.promise
        return hearingThrough(`http://127.0.0.1:${await behind.ready}`, request)
      },
    })
    const service = await startService({
      DATA_DIR: folder,
      INFERENCE: 'sidecar,hosted',
      SIDECAR_URL: sidecar.url,
      HF_TOKEN: TOKEN,
      HF_ENDPOINT_URL: hosted.endpointUrl,
    })
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
    while (hostedRequests <= HOSTED_MEANWHILE) await Bun.sleep(20)
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
    await behind.stop()
    hosted.stop()

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
    expect(by).toContain('huggingface')
    expect(by.lastIndexOf('sidecar')).toBeGreaterThan(by.indexOf('huggingface'))
    expect(rows.every(({ state }) => state === 'done')).toBe(true)
  })
}, 600_000)
