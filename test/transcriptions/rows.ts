import { randomUUID } from 'node:crypto'
import { insertUser } from '../../src/auth/users.store.ts'
import type { Database } from '../../src/db/database.ts'
import { insertTranscription, type NewTranscription } from '../../src/transcriptions/transcriptions.store.ts'

export async function insertAnyUser(db: Database): Promise<string> {
  const id = await insertUser(db, { email: `${randomUUID()}@example.org`, passwordHash: 'none' })
  if (id === null) throw new Error('the email is taken')
  return id
}

/** Writes a transcription down, of a user of its own unless one is given; gives its id. */
export async function insertOwned(db: Database, other: Partial<NewTranscription> = {}): Promise<string> {
  const id = randomUUID()
  const userId = other.userId ?? (await insertAnyUser(db))
  await db.transaction((tx) =>
    insertTranscription(tx, {
      id,
      language: 'en',
      task: 'transcribe',
      words: false,
      filename: 'speech.wav',
      codec: 'pcm_s16le',
      contentType: 'audio/wav',
      audioBytes: 1,
      audioSha256: '00',
      ...other,
      userId,
    }),
  )
  return id
}
