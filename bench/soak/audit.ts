import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../src/db/database.ts'
import { deliveries, segments, spans, transcriptions, uploads } from '../../src/db/schema.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { sweepAll } from '../../test/transcriptions/sweeping.ts'
import { countToldTwice, isCovered, storedOfNone } from '../shared/integrity.ts'
import type { Deployment } from './deployments.ts'
import type { Host } from './host.ts'
import { type Ledger, outcomeOf } from './ledger.ts'
import { deploymentSample } from './sampling.ts'
import type { Tally } from './tally.ts'

type Row = typeof transcriptions.$inferSelect

/** What is found in the end, each with how many; those below `faults` are none of a service that does as it says. */
export type Remainder = { counts: Record<string, number>; faults: Record<string, number> }

/**
 * Opens the database and the storage that a deployment has left, holds them against the ledger, and sweeps as if it all were
 * a day older. The service has ended.
 */
export async function remainderOf(
  deployment: Deployment,
  {
    ledger,
    outcomes,
    host,
    tally,
  }: { ledger: Ledger; outcomes: Map<string, string>; host: Host; tally: Tally },
): Promise<Remainder> {
  const { db, close } = await deployment.openDatabase()
  try {
    const rows = await db.select().from(transcriptions)
    const work = await db.select().from(spans)
    const told = await db.select({ spanId: segments.spanId, position: segments.position }).from(segments)
    const completed = rows.filter(({ status }) => status === 'completed')
    const { lost, twice, otherwise, untold, undone } = heldAgainst({ rows, ledger, outcomes, host, tally })
    const jobs = await countJobs(db)
    const messages = await db.select().from(deliveries)
    const stored = await storedIn(deployment, { db, rows })
    return {
      counts: {
        'uploads in the ledger': ledger.entries.size,
        'transcriptions kept to the end': rows.length,
        spans: work.length,
        segments: told.length,
        'webhook messages heard': host.received.size,
        'messages refused once': host.refused.size,
        'stored, and in no row, before the sweep': stored.unknown,
        'removed by the sweep': stored.swept,
      },
      faults: {
        'accepted and lost': lost,
        'accepted with another outcome': otherwise,
        'uploads that are there twice': twice,
        'deleted, broken off or refused, and still there': undone,
        'files with a stretch that is missing, or done twice': completed.filter(
          (row) => !isCovered(row, work),
        ).length,
        'segments told twice': countToldTwice(told),
        'spans done more than once': work.filter(({ attempt, failures }) => attempt - failures > 1).length,
        'transcriptions not over': rows.filter(({ completedAt }) => completedAt === null).length,
        'jobs left': jobs,
        'messages not delivered': messages.filter(({ state }) => state !== 'delivered').length,
        'ends nobody was told of': untold,
        'stored, and in no row, after the sweep': stored.left,
        'rows whose audio is not there, or of another size': stored.missing,
        'half-written files': stored.incoming,
        'temporary files': stored.temporary,
      },
    }
  } finally {
    await close()
  }
}

/** Each entry of the ledger against its row, and each row against its entry. */
function heldAgainst({
  rows,
  ledger,
  outcomes,
  host,
  tally,
}: {
  rows: Row[]
  ledger: Ledger
  outcomes: Map<string, string>
  host: Host
  tally: Tally
}) {
  const byName = Map.groupBy(rows, ({ filename }) => filename ?? '')
  const found = { lost: 0, twice: 0, otherwise: 0, untold: 0, undone: 0 }
  const note = (fault: keyof typeof found, sample: string) => {
    found[fault] += 1
    tally.fault(`in the end: ${fault}`, sample)
  }
  for (const { filename, recording, fate, id } of ledger.entries.values()) {
    const [row, ...others] = byName.get(filename) ?? []
    byName.delete(filename)
    if (others.length > 0) note('twice', filename)
    if (fate === 'deleted') {
      if (row) note('undone', `${recording} ${row.id}: ${row.status}`)
      continue
    }
    if (!row) {
      if (fate !== 'unsure') note('lost', `${recording} ${id}`)
      continue
    }
    const outcome = outcomeOf({ status: row.status, text: row.text, failure: row.errorCode })
    const isAsWanted =
      outcome === outcomes.get(recording) || (fate === 'canceled' && row.status === 'canceled')
    if (!isAsWanted) note('otherwise', `${recording} ${row.id}: ${outcome}`)
    if (!host.told.has(row.id)) note('untold', `${recording} ${row.id}`)
  }
  for (const [filename, [row]] of byName) note('undone', `${filename}: ${row?.id} is in no ledger`)
  return found
}

async function countJobs(db: Database): Promise<number> {
  const open = sql`(select 1 from pgboss.job where state in ('created', 'retry', 'active') and name in ('prepare', 'span', 'clip', 'webhook')) as open`
  const [row] = await db.select({ count: sql<string>`count(*)` }).from(open)
  return Number(row?.count)
}

async function storedIn(deployment: Deployment, { db, rows }: { db: Database; rows: Row[] }) {
  const storage = await diskStorage({ root: deployment.data })
  const known = new Map(rows.map((row) => [row.id, row]))
  const unknown = await storedOfNone(storage, known)
  await db.update(uploads).set({ expiresAt: sql`now() - interval '1 minute'` })
  const swept = await sweepAll({ db, storage, log: console.error }, new Date(Date.now() + 60_000))
  const left = (await storedOfNone(storage, known)).size + (await keysBelow(storage.list('uploads')))
  let missing = 0
  for (const { id, audioBytes } of rows) {
    if ((await storage.size(`transcriptions/${id}/audio`)) !== audioBytes) missing += 1
  }
  const { incoming, temporary } = await deploymentSample(deployment)
  const unfinished = await db.select().from(uploads).where(eq(uploads.offset, 0))
  return {
    unknown: unknown.size,
    swept: swept.orphans + swept.abandoned + swept.uploads,
    left: left + unfinished.length,
    missing,
    incoming,
    temporary,
  }
}

async function keysBelow(keys: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of keys) count += 1
  return count
}
