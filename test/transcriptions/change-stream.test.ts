import { expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { transcriptions, users } from '../../src/db/schema.ts'
import { changeStream } from '../../src/transcriptions/reading/change-stream.ts'
import { embedded } from '../support/databases.ts'

const TIMES = 50

test('a stream on the embedded database receives the last change, however soon it comes', async () => {
  const { db, changes, close } = await embedded.open()
  const [user] = await db.insert(users).values({ email: 'ada@example.com' }).returning()
  if (!user) throw new Error('no user')
  const audio = { contentType: 'audio/wav', audioBytes: 1, audioSha256: '' }
  const asked = { userId: user.id, language: 'en', task: 'transcribe' as const, words: false, ...audio }
  const signal = AbortSignal.timeout(60_000)
  for (let time = 0; time < TIMES; time++) {
    const [row] = await db.insert(transcriptions).values(asked).returning()
    if (!row) throw new Error('no transcription')
    const heard: string[] = []
    const ended = db.update(transcriptions).set({ status: 'completed' }).where(eq(transcriptions.id, row.id))
    const following = (async () => {
      for await (const change of changeStream({ db, changes }, { id: row.id, revision: 0, signal })) {
        if (change.kind === 'state') heard.push(change.row.status)
      }
    })()
    await ended
    await following
    expect(heard.at(-1)).toBe('completed')
  }
  await close()
}, 120_000)
