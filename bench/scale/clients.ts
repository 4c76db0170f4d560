import { and, count, desc, eq, inArray } from 'drizzle-orm'
import { createKeysService } from '../../src/auth/keys.service.ts'
import type { Database } from '../../src/db/database.ts'
import { transcriptions } from '../../src/db/schema.ts'
import { signUp } from '../../test/support/client.ts'
import { fixture } from '../../test/support/recordings.ts'

const PAUSE_MS = { status: 200, list: 500, search: 1000, upload: 1000 }
const WAIT_SECONDS = 15

/** Milliseconds. `finished`: from the answer to an upload to its text; infinite after 15 s. */
export type Latencies = Record<keyof typeof PAUSE_MS | 'finished', number[]>

/**
 * Clients of the API: the user with the most transcriptions reads statuses, lists and searches, and a new user uploads clips.
 * `run` repeats this until `signal` fires.
 */
export async function openClients(url: string, db: Database) {
  const { userId } = transcriptions
  const [owner] = await db
    .select({ userId })
    .from(transcriptions)
    .groupBy(userId)
    .orderBy(desc(count()))
    .limit(1)
  if (!owner) throw new Error('the database has no transcriptions')
  const keys = createKeysService({ db, clearCallerCache() {} })
  const { key } = await keys.create({ userId: owner.userId, name: 'bench', scopes: ['read'] })
  const ownerHeaders = { Authorization: `Bearer ${key}` }
  const isOpen = and(eq(userId, owner.userId), inArray(transcriptions.status, ['queued', 'processing']))

  async function read(
    path: string,
    headers: Record<string, string> = ownerHeaders,
  ): Promise<{ status?: string }> {
    const answer = await fetch(`${url}/api/transcriptions${path}`, { headers })
    if (!answer.ok) throw new Error(`${path}: ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }

  async function latestOpenPath(): Promise<string> {
    const { id, createdAt } = transcriptions
    const [open] = await db
      .select({ id })
      .from(transcriptions)
      .where(isOpen)
      .orderBy(desc(createdAt))
      .limit(1)
    return open ? `/${open.id}` : '?limit=1'
  }

  async function run(signal: AbortSignal): Promise<Latencies> {
    const latencies: Latencies = { status: [], list: [], search: [], upload: [], finished: [] }
    const uploader = await signUp(url)
    const waits: Promise<unknown>[] = []

    async function repeat(name: keyof typeof PAUSE_MS, act: (path: string) => Promise<unknown>) {
      while (!signal.aborted) {
        const path = name === 'status' ? await latestOpenPath() : ''
        const start = performance.now()
        await act(path)
        latencies[name].push(performance.now() - start)
        await Bun.sleep(PAUSE_MS[name])
      }
    }

    async function waitFor(id: string) {
      const start = performance.now()
      const { status } = await read(`/${id}`, { ...uploader.headers, Prefer: `wait=${WAIT_SECONDS}` })
      latencies.finished.push(status === 'completed' ? performance.now() - start : Number.POSITIVE_INFINITY)
    }

    await Promise.all([
      repeat('status', (path) => read(path)),
      repeat('list', () => read('?limit=20')),
      repeat('search', () => read('?q=recording%20mp3')),
      repeat('upload', async () => {
        waits.push(waitFor(await uploader.upload(Bun.file(fixture('speech.wav')), { language: 'en' })))
      }),
    ])
    await Promise.all(waits)
    return latencies
  }

  return { userId: owner.userId, run }
}
