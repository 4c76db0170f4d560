import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { isUniqueViolation } from '../../src/db/database.ts'
import { envelopes, transcriptions, users } from '../../src/db/schema.ts'
import { databases, type TestDatabase } from '../support/databases.ts'
import { insertOwned } from '../support/rows.ts'

for (const kind of databases) {
  describe(`the database: ${kind.name}`, () => {
    let database: TestDatabase
    beforeAll(async () => {
      database = await kind.open()
    })
    afterAll(() => database?.close())

    test('a violated unique constraint is recognized by its name', async () => {
      const { db } = database
      const row = { email: 'ada@example.org', passwordHash: 'x' }
      await db.insert(users).values(row)
      const error = await db
        .insert(users)
        .values(row)
        .catch((error: unknown) => error)
      expect(isUniqueViolation(error, 'users_email_unique')).toBe(true)
      expect(isUniqueViolation(error, 'spans_place')).toBe(false)
      expect(isUniqueViolation(new Error('another'), 'users_email_unique')).toBe(false)
      expect(isUniqueViolation('23505', 'users_email_unique')).toBe(false)
    })

    test('a violation is recognized in a transaction, and a foreign key violation is not one', async () => {
      const row = { email: 'grace@example.org', passwordHash: 'x' }
      await database.db.insert(users).values(row)
      const error = await database.db
        .transaction(async (tx) => {
          await tx.insert(users).values(row)
        })
        .catch((error: unknown) => error)
      expect(isUniqueViolation(error, 'users_email_unique')).toBe(true)
      const foreign = await insertOwned(database.db, { userId: crypto.randomUUID() }).catch(
        (error: unknown) => error,
      )
      expect(foreign).toBeInstanceOf(Error)
      expect(isUniqueViolation(foreign, 'users_email_unique')).toBe(false)
    })

    test('bytes, times and numbers above 32 bits are read as they were written', async () => {
      const { db } = database
      const levels = Uint8Array.from({ length: 256 }, (_, index) => index)
      const id = await insertOwned(db, { audioBytes: 2 ** 40, filename: 'Ärger 🎙️.wav' })
      await db.insert(envelopes).values({ transcriptionId: id, levels, peaks: levels })
      const [envelope] = await db.select().from(envelopes)
      expect(new Uint8Array(envelope?.levels ?? [])).toEqual(levels)
      const [row] = await db.select().from(transcriptions)
      expect(row?.audioBytes).toBe(2 ** 40)
      expect(row?.filename).toBe('Ärger 🎙️.wav')
      expect(row?.createdAt).toBeInstanceOf(Date)
    })

    test('a ping resolves, and a transaction that throws leaves nothing', async () => {
      const { db, ping } = database
      await ping()
      const failure = new Error('failed halfway')
      const work = db.transaction(async (tx) => {
        await tx.insert(users).values({ email: 'gone@example.org', passwordHash: 'x' })
        throw failure
      })
      expect(await work.catch((error: unknown) => error)).toBe(failure)
      expect((await db.select().from(users)).map(({ email }) => email)).not.toContain('gone@example.org')
    })
  })
}
