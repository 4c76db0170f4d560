import { and, count, desc, eq, inArray } from 'drizzle-orm'
import { createKeysService } from '../../src/auth/keys.service.ts'
import type { Database } from '../../src/db/database.ts'
import { transcriptions } from '../../src/db/schema.ts'
import { signUp } from '../../test/e2e/client.ts'

const EVERY_MS = { status: 200, list: 500, search: 1000, upload: 1000 }
const WAIT_SECONDS = 15

/** Milliseconds, in ascending order. */
export type Latencies = Record<keyof typeof EVERY_MS | 'finished', number[]>

/**
 * Clients of the API: one reads the status of what is open, lists and searches as a user who has much, and another, who is
 * new, uploads clips; `finished` is from the end of an upload to its text, or infinite when that takes too long. `ask` goes on until `signal` fires.
 */
export async function openClients({ url, db, clip }: { url: string; db: Database; clip: Blob }) {
  const old = await ofMany(db)
  return { userId: old.userId, ask: (signal: AbortSignal) => ask({ url, db, clip, old, signal }) }
}

type Asking = {
  url: string
  db: Database
  clip: Blob
  old: Awaited<ReturnType<typeof ofMany>>
  signal: AbortSignal
}

async function ask({ url, db, clip, old, signal }: Asking): Promise<Latencies> {
  const latencies: Latencies = { status: [], list: [], search: [], upload: [], finished: [] }
  const newcomer = await signUp(url)
  const waits: Promise<unknown>[] = []
  await Promise.all([
    every('status', async () => {
      const id = await anOpenOne(db, old.userId)
      return timed('status', () => read(id === null ? '?limit=1' : `/${id}`, old.headers))
    }),
    every('list', () => timed('list', () => read('?limit=20', old.headers))),
    every('search', () => timed('search', () => read('?q=recording%20mp3', old.headers))),
    every('upload', async () => {
      const id = await timed('upload', () => newcomer.upload(clip, { language: 'en' }))
      const headers = { ...newcomer.headers, Prefer: `wait=${WAIT_SECONDS}` }
      const began = performance.now()
      const heard = read(`/${id}`, headers).then(({ status }) => {
        const isFinished = status === 'completed'
        latencies.finished.push(isFinished ? performance.now() - began : Number.POSITIVE_INFINITY)
      })
      waits.push(heard)
    }),
  ])
  await Promise.all(waits)
  for (const one of Object.values(latencies)) one.sort((a, b) => a - b)
  return latencies

  async function every(name: keyof typeof EVERY_MS, act: () => Promise<unknown>) {
    while (!signal.aborted) {
      await act()
      await Bun.sleep(EVERY_MS[name])
    }
  }

  async function timed<T>(name: keyof Latencies, act: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const result = await act()
    latencies[name].push(performance.now() - began)
    return result
  }

  async function read(path: string, headers: Record<string, string>): Promise<{ status?: string }> {
    const answer = await fetch(`${url}/api/transcriptions${path}`, { headers })
    if (!answer.ok) throw new Error(`${path} is answered with ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }
}

/** Who has most. */
async function ofMany(db: Database) {
  const [most] = await db
    .select({ userId: transcriptions.userId })
    .from(transcriptions)
    .groupBy(transcriptions.userId)
    .orderBy(desc(count()))
    .limit(1)
  if (!most) throw new Error('there is nothing to list')
  const { userId } = most
  const { key } = await createKeysService({ db, forgetCallers() {} }).create({
    userId,
    name: 'bench',
    scopes: ['read'],
  })
  return { userId, headers: { Authorization: `Bearer ${key}` } }
}

/** The last of a user's that waits. */
async function anOpenOne(db: Database, userId: string): Promise<string | null> {
  const [one] = await db
    .select({ id: transcriptions.id })
    .from(transcriptions)
    .where(and(eq(transcriptions.userId, userId), inArray(transcriptions.status, ['queued', 'processing'])))
    .orderBy(desc(transcriptions.createdAt))
    .limit(1)
  return one?.id ?? null
}
