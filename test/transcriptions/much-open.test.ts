import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { PGlite } from '@electric-sql/pglite'
import type { Database } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { spans, transcriptions } from '../../src/db/schema.ts'
import { findExpired } from '../../src/retention/sweep.store.ts'
import { startProcessing } from '../../src/transcriptions/pipeline/decoded.store.ts'
import { recentSpeed } from '../../src/transcriptions/span-statistics.store.ts'
import { claimSpan, insertSpans } from '../../src/transcriptions/spans.store.ts'
import {
  addDoneSamples,
  cancelOwned,
  fail,
  setLength,
} from '../../src/transcriptions/transcriptions.store.ts'
import { insertAnyUser, insertOwned } from '../support/rows.ts'

const OVER = 3_000
const OPEN = 1_000
const FEW = 12

describe('query plans with many finished rows and outdated statistics', () => {
  let database: Awaited<ReturnType<typeof openPglite>>
  let db: Database
  let pglite: PGlite
  let userId: string
  let id: string
  let spanId: string
  beforeAll(async () => {
    database = await openPglite({})
    ;({ db, pglite } = database)
    userId = await insertAnyUser(db)
    await insertMany('completed', OVER)
    await pglite.exec('vacuum analyze')
    await insertMany('queued', OPEN)
  })
  afterAll(() => database?.close())
  beforeEach(async () => {
    id = await insertOwned(db, { userId })
    const ranges = [{ channel: 0, startSample: 0, endSample: 16_000 }]
    const [span] = await db.transaction((tx) => insertSpans(tx, { transcriptionId: id, ranges }))
    spanId = span?.id ?? ''
  })

  async function insertMany(status: 'completed' | 'queued', count: number) {
    const audio = { contentType: 'audio/wav', audioBytes: 1, audioSha256: '00' }
    const row = { userId, status, language: 'en', task: 'transcribe' as const, words: false, ...audio }
    const completedAt = status === 'completed' ? new Date() : null
    await db.insert(transcriptions).values(Array.from({ length: count }, () => ({ ...row, completedAt })))
  }

  /** Counts the rows and index entries of a table that are read while `act` runs. */
  async function looks(act: () => Promise<unknown>, table = 'transcriptions'): Promise<number> {
    const before = await looked(table)
    await act()
    return (await looked(table)) - before
  }

  async function looked(table: string): Promise<number> {
    await pglite.exec('select pg_stat_force_next_flush()')
    const { rows } = await pglite.query<{ count: number }>(
      `select ((select sum(idx_tup_read) from pg_stat_user_indexes where relname = $1)
        + (select seq_tup_read from pg_stat_user_tables where relname = $1))::int as count`,
      [table],
    )
    return rows[0]?.count ?? Number.NaN
  }

  const byId: Record<string, () => Promise<unknown>> = {
    takeUp: () => startProcessing(db, id),
    setLength: () =>
      db.transaction((tx) =>
        setLength(tx, { id, decodingRound: 0, totalSamples: 1, workSamples: 1, warnings: [] }),
      ),
    claimSpan: () => claimSpan(db, spanId),
    addDone: () => db.transaction((tx) => addDoneSamples(tx, { id, samples: 1 })),
    cancelOwned: () => cancelOwned(db, { id, userId }),
    fail: () => fail(db, { id, code: 'internal', message: '' }),
  }
  for (const [name, act] of Object.entries(byId)) {
    test(`${name} reads only the row with its id`, async () => {
      expect(await act()).not.toBe(null)
      expect(await looks(act)).toBeLessThan(FEW)
    })
  }

  test('expired transcriptions are found without reading the others', async () => {
    const asked = { before: new Date(0), after: null, limit: 10 }
    expect(await looks(() => findExpired(db, asked))).toBeLessThan(OVER)
  })

  test('the recent speed is computed without reading older spans', async () => {
    const transcriptionId = await insertOwned(db, { userId })
    const long = { transcriptionId, state: 'done' as const, finishedAt: new Date(0), startedAt: new Date(0) }
    const places = Array.from({ length: OVER }, (_, place) => ({ startSample: place, endSample: place + 1 }))
    await db.insert(spans).values(places.map((place) => ({ ...long, ...place })))
    await pglite.exec('vacuum analyze spans')
    expect(await looks(() => recentSpeed(db), 'spans')).toBeLessThan(FEW)
  })
})
