import { expect } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import { clientOf, fixture, textAt } from './api-client.ts'
import { startService as startApi } from './api-service.ts'
import { signUp } from './client.ts'
import type { TestDatabaseKind } from './databases.ts'
import { startService } from './service.ts'

/** What test/fixtures/speech.* says. */
export const SPEECH_TEXT = (await fixture('README.md').text()).match(/^> (.+)$/m)?.[1] ?? ''

/** Serves the fixtures by their names, and 404 for anything else. */
function serveFixtures() {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const file = fixture(new URL(request.url).pathname.slice(1))
      return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) }
}

/** The API without a worker and a host of recordings, for the routes of other APIs. */
export async function startRoutes(kind: TestDatabaseKind) {
  const service = await startApi({ kind })
  const recordings = serveFixtures()
  const anyone = clientOf(service.url)

  return {
    service,
    anyone,
    recordings: recordings.url,

    async newKey(scopes = ['read', 'write']) {
      const owner = anyone.as(await anyone.newToken())
      return textAt((await owner.post('/api/auth/keys', { name: 'test', scopes })).body, 'key')
    },

    /** Waits for the transcription that a request made and holds. */
    async ephemeral() {
      for (;;) {
        const [row] = await service.db
          .select()
          .from(transcriptions)
          .where(eq(transcriptions.isEphemeral, true))
        if (row) return row
        await Bun.sleep(5)
      }
    },

    async close() {
      await recordings.close()
      await service.close()
    },
  }
}

/** The real service with one user and a host of recordings, for the clients of other APIs. */
export async function startForClients(env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
  const recordings = serveFixtures()
  const service = await startService({ DATA_DIR: folder, OUTBOUND_ALLOW: '127.0.0.1', ...env })
  await service.ready
  const user = await signUp(service.url)

  async function runningJobs() {
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    const counts = [...metrics.matchAll(/^verbatim_queue_running\{.*\} (\d+)$/gm)].map(([, count]) => count)
    expect(counts).not.toEqual([])
    return counts.reduce((sum, count) => sum + Number(count), 0)
  }

  return {
    url: service.url,
    user,
    recordings: recordings.url,

    /** Neither a transcription nor a file is left when no job runs any more. */
    async expectNothingLeft() {
      const answer = await fetch(`${service.url}/api/transcriptions`, { headers: user.headers })
      expect(await answer.json()).toMatchObject({ transcriptions: [] })
      // A job that writes a file of a removed transcription removes the file before it ends.
      while ((await runningJobs()) > 0) await Bun.sleep(20)
      const stored = await readdir(join(folder, 'files'), { recursive: true, withFileTypes: true })
      expect(stored.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(['owner'])
    },

    async close() {
      await recordings.close()
      const code = await service.kill('SIGTERM')
      await rm(folder, { recursive: true, force: true })
      expect(code).toBe(0)
    },
  }
}
