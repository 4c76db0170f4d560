import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { openPglite } from '../../src/db/pglite.ts'
import { spans } from '../../src/db/schema.ts'
import { SIDECAR_LIMITS } from '../../src/engines/sidecar/sidecar.ts'
import { signUp } from '../support/client.ts'
import { startService, withFolder } from '../support/service.ts'
import { longRecording } from './recording.ts'

/** For more kills: KILLS=10 bun test test/e2e/kill.test.ts */
const KILLS = Number(process.env.KILLS ?? 3)
const REPEATS = 70

test('kill -9 during a transcription loses no text and repeats no finished span', async () => {
  await withFolder(async (folder) => {
    const audio = await longRecording(REPEATS)
    let service = await startService({ DATA_DIR: folder })
    const user = await signUp(service.url)
    const id = await user.upload(audio, { language: 'en' })
    const progress: number[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      await service.ready
      await Bun.sleep(Math.random() * 8000)
      progress.push((await user.status(id, service.url)).progress)
      await service.kill('SIGKILL')
      service = await startService({ DATA_DIR: folder })
    }
    const done = await user.finished(id, service.url)
    expect(done.status).toBe('completed')
    expect(await service.kill('SIGTERM')).toBe(0)

    const { db, close } = await openPglite({ dataDir: join(folder, 'postgres') })
    const rows = await db.select().from(spans).where(eq(spans.transcriptionId, id))
    await close()
    expect(rows.every((span) => span.state === 'done')).toBe(true)
    // Only interrupted spans were repeated: each kill interrupts at most as many as run at once.
    const attempts = rows.map((span) => span.attempt)
    console.log(
      `progress at each kill: ${progress.join(', ')}; attempts of the spans: ${attempts.join(', ')}`,
    )
    const repeats = attempts.reduce((sum, attempt) => sum + attempt - 1, 0)
    expect(repeats).toBeLessThanOrEqual(KILLS * SIDECAR_LIMITS.concurrency)
    expect(done.transcription?.match(/library/gi)?.length).toBe(REPEATS)
  })
}, 600_000)
