import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import { countedSeconds } from '../../src/transcriptions/usage.store.ts'
import { databases, type TestDatabase } from '../support/databases.ts'
import { insertOwned } from '../support/rows.ts'

type Case = Partial<typeof transcriptions.$inferInsert> & { work: number | null; counted: number }

/** `work`: seconds to transcribe. `counted`: seconds that the user's day is charged with. */
const CASES: [string, Case][] = [
  ['no length', { work: null, counted: 0 }],
  ['no length, partly decoded', { decodedSamples: 24_000, work: null, counted: 1.5 }],
  ['a claimed length', { claimedSeconds: 90.25, work: 90.25, counted: 90.25 }],
  ['more decoded than claimed', { claimedSeconds: 1, decodedSamples: 32_000, work: 1, counted: 2 }],
  ['a range with a start', { claimedSeconds: 90, partStart: 30, work: 60, counted: 60 }],
  ['a range with an end', { claimedSeconds: 90, partEnd: 20, work: 20, counted: 20 }],
  ['a range up to after the end', { claimedSeconds: 90, partStart: 80, partEnd: 200, work: 10, counted: 10 }],
  ['a range after the end', { claimedSeconds: 90, partStart: 100, work: 0, counted: 0 }],
  ['two channels, mixed', { claimedSeconds: 90, audioChannels: 2, work: 90, counted: 90 }],
  [
    'two channels, split',
    { claimedSeconds: 90, audioChannels: 2, channels: 'split', partEnd: 10, work: 20, counted: 20 },
  ],
  [
    'a known length',
    {
      claimedSeconds: 90,
      decodedSamples: 960_000,
      workSamples: 160_001,
      work: 10.0000625,
      counted: 10.0000625,
    },
  ],
  ['a known length of 0', { claimedSeconds: 90, workSamples: 0, work: 0, counted: 0 }],
  [
    'canceled while it was decoded',
    {
      status: 'canceled',
      claimedSeconds: 90,
      doneSamples: 16_000,
      decodedSamples: 48_000,
      work: 90,
      counted: 3,
    },
  ],
  ['failed after the decoding', { status: 'failed', workSamples: 32_000, work: 2, counted: 2 }],
]

describe.each(databases)('the seconds of a transcription on $name', (kind) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await kind.open()
  })
  afterAll(() => database.close())

  test.each(CASES)('%s', async (_, { work, counted, ...values }) => {
    const { db } = database
    const id = await insertOwned(db, values)
    const [row] = await db.select().from(transcriptions).where(eq(transcriptions.id, id))
    expect(row?.workSeconds).toBe(work)
    expect(await countedSeconds(db, id)).toBe(counted)
  })

  test('follow an update', async () => {
    const { db } = database
    const id = await insertOwned(db, { claimedSeconds: 90 })
    const own = eq(transcriptions.id, id)
    const [row] = await db.update(transcriptions).set({ workSamples: 16_000 }).where(own).returning()
    expect(row?.workSeconds).toBe(1)
    expect(await countedSeconds(db, id)).toBe(1)
  })
})
