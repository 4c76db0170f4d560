import { expect, test } from 'bun:test'
import { databases } from '../databases.ts'
import { signUp } from './client.ts'
import { longRecording } from './recording.ts'
import { startService, withFolder } from './service.ts'

const REPEATS = 40
const postgres = databases.find(({ name }) => name === 'Postgres')

test.skipIf(!postgres)(
  'an API and workers share a database; what a killed worker had, another does',
  async () => {
    if (!postgres) return
    await withFolder(async (folder) => {
      const database = await postgres.open()
      const env = { DATA_DIR: folder, DATABASE_URL: database.url ?? '' }
      const api = await startService({ ...env, MODE: 'api' })
      await api.ready
      const user = await signUp(api.url)
      const id = await user.upload(await longRecording(REPEATS), { language: 'en' })

      const first = await startService({ ...env, MODE: 'worker' })
      expect((await fetch(`${first.url}/api/transcriptions/${id}`, { headers: user.headers })).status).toBe(
        404,
      )
      expect((await fetch(`${first.url}/health/live`)).status).toBe(200)
      while ((await user.status(id)).progress === 0) await Bun.sleep(100)
      await first.kill('SIGKILL')

      const second = await startService({ ...env, MODE: 'worker' })
      const done = await user.finished(id)
      expect(done.status).toBe('completed')
      expect(done.transcription?.match(/library/gi)?.length).toBe(REPEATS)
      expect(await Promise.all([second.kill('SIGTERM'), api.kill('SIGTERM')])).toEqual([0, 0])
      await database.close()
    })
  },
  600_000,
)

test('without a database of their own to share, they do not start', async () => {
  await withFolder(async (folder) => {
    const started = startService({ DATA_DIR: folder, MODE: 'worker', DATABASE_URL: '' })
    expect(await started.catch((error: Error) => error.message)).toContain(
      'MODE is worker; it takes a DATABASE_URL too',
    )
  })
})
