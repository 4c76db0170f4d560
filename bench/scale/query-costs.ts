import type { Sql } from 'postgres'
import type { Database } from '../../src/db/database.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { countByStatus, listOwned } from '../../src/transcriptions/list.store.ts'
import { hostedSecondsToday, recentSpeed } from '../../src/transcriptions/spans.store.ts'
import { findExpired, findForsaken } from '../../src/transcriptions/sweep.store.ts'
import {
  countOpen,
  countOpenByStatus,
  listOpen,
  openWork,
} from '../../src/transcriptions/transcriptions.store.ts'

const TIMES = 3
const YEARS_AGO = new Date('2000-01-01')

export type Hot = { name: string; when: string; ms: number; pages: number }

/** What the service asks again and again, asked of a database that is full: its time there and the pages (8 KB) it looks at. */
export async function measureHot({
  sql,
  db,
  queue,
  userId,
}: {
  sql: Sql
  db: Database
  queue: Queue
  userId: string
}): Promise<Hot[]> {
  const page = { userId, after: null, limit: 21 }
  const asked: [name: string, when: string, ask: () => Promise<unknown>][] = [
    [
      'what is open, to reckon with',
      'a second and API, while the status of an open one is read',
      () => openWork(db),
    ],
    ['how fast engines were lately', 'the same', () => recentSpeed(db)],
    [
      'a user’s open ones',
      'an upload; all spans that are planned at a time',
      () => countOpen(db, { userId }),
    ],
    ['first page of a list', 'a list', () => listOwned(db, page)],
    ['its counts', 'a first page', () => countByStatus(db, userId)],
    ['search, common words', 'a search', () => listOwned(db, { ...page, words: 'recording mp3' })],
    ['search, a rare word', 'a search', () => listOwned(db, { ...page, words: 'nowhere' })],
    ['backlogs', '`/health/ready`, `/metrics`', () => queue.backlogs()],
    ['open by status', '`/metrics`', () => countOpenByStatus(db)],
    ['hosted seconds today', '`/metrics`; a span, with a budget', () => hostedSecondsToday(db)],
    [
      'expired',
      'an hour and process, with `RETENTION_DAYS`',
      () => findExpired(db, { before: YEARS_AGO, after: null, limit: 100 }),
    ],
    ['forsaken', 'an hour and process', () => findForsaken(db, { before: YEARS_AGO })],
    ['all that is open, to requeue', 'a start, embedded', () => listOpen(db)],
  ]
  const measured: Hot[] = []
  for (const [name, when, ask] of asked) {
    await ask()
    await sql`select pg_stat_statements_reset()`
    for (let time = 0; time < TIMES; time++) await ask()
    const [row] = await sql<{ ms: number; pages: number }[]>`
      select sum(total_exec_time + total_plan_time) / ${TIMES} as ms,
        sum(shared_blks_hit + shared_blks_read)::float8 / ${TIMES} as pages
      from pg_stat_statements where query !~ 'pg_stat_'`
    measured.push({ name, when, ms: row?.ms ?? Number.NaN, pages: row?.pages ?? Number.NaN })
  }
  return measured
}
