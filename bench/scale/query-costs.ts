import type { Sql } from 'postgres'
import type { Database } from '../../src/db/database.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { findExpired, findOrphanedEphemeral } from '../../src/retention/sweep.store.ts'
import { countByStatus, listOwned } from '../../src/transcriptions/list.store.ts'
import {
  countOpen,
  countOpenByStatus,
  listOpen,
  listOpenLengths,
} from '../../src/transcriptions/open-work.store.ts'
import { recentSpeed, secondsToday } from '../../src/transcriptions/span-statistics.store.ts'

const TIMES = 3
const YEARS_AGO = new Date('2000-01-01')

/** `pages`: pages of 8 KB that the query reads. */
export type QueryCost = { name: string; when: string; ms: number; pages: number }

type Query = [name: string, when: string, run: () => Promise<unknown>]

/** Measures the queries that the service repeats, each on its own. */
export async function measureQueries(
  sql: Sql,
  { db, queue, userId }: { db: Database; queue: Queue; userId: string },
): Promise<QueryCost[]> {
  const page = { userId, after: null, limit: 21 }
  const polling = 'each second and API, while clients read open statuses'
  const queries: Query[] = [
    ['all open work', polling, () => listOpenLengths(db)],
    ['recent speed of the engines', polling, () => recentSpeed(db)],
    ["a user's open transcriptions", 'each upload and each planned piece', () => countOpen(db, { userId })],
    ['first page of a list', 'each list', () => listOwned(db, page)],
    ['counts of a list', 'each first page', () => countByStatus(db, userId)],
    ['search for common words', 'each search', () => listOwned(db, { ...page, words: 'recording mp3' })],
    ['search for a rare word', 'each search', () => listOwned(db, { ...page, words: 'nowhere' })],
    ['backlogs', '`/health/ready`, `/metrics`', () => queue.backlogs()],
    ['open transcriptions by status', '`/metrics`', () => countOpenByStatus(db)],
    ['hosted seconds today', '`/metrics`; each span, with a budget', () => secondsToday(db, 'huggingface')],
    [
      'expired transcriptions',
      'each hour and process, with `RETENTION_DAYS`',
      () => findExpired(db, { before: YEARS_AGO, after: null, limit: 100 }),
    ],
    [
      'forsaken transcriptions',
      'each hour and process',
      () => findOrphanedEphemeral(db, { before: YEARS_AGO }),
    ],
    ['all open transcriptions, to requeue', 'each start, embedded', () => listOpen(db)],
  ]
  const costs: QueryCost[] = []
  for (const [name, when, run] of queries) {
    await run()
    await sql`select pg_stat_statements_reset()`
    for (let time = 0; time < TIMES; time++) await run()
    const [row] = await sql<{ ms: number; pages: number }[]>`
      select sum(total_exec_time + total_plan_time) / ${TIMES} as ms,
        sum(shared_blks_hit + shared_blks_read)::float8 / ${TIMES} as pages
      from pg_stat_statements where query !~ 'pg_stat_'`
    costs.push({ name, when, ms: row?.ms ?? Number.NaN, pages: row?.pages ?? Number.NaN })
  }
  return costs
}
