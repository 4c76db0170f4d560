import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/db/database.ts'
import { segments, spans, transcriptions, uploads } from '../../src/db/schema.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { sweepAll } from '../../test/retention/sweeping.ts'
import { countDuplicateSegments, isCovered, orphanedFiles } from '../shared/integrity.ts'
import type { World } from './client.ts'
import type { Deployment } from './deployments.ts'

type Row = typeof transcriptions.$inferSelect

/**
 * Compares the database and the storage of a deployment that has ended with the list of uploads; returns
 * faults by kind.
 */
export async function audit(deployment: Deployment, world: World): Promise<Record<string, number>> {
  const { db, close } = await deployment.openDatabase()
  try {
    const rows = await db.select().from(transcriptions)
    const work = await db.select().from(spans)
    return {
      ...compareEntries(rows, world),
      'files with missing or duplicate stretches': rows.filter(
        (row) => row.status === 'completed' && !isCovered(row, work),
      ).length,
      'duplicate segments': countDuplicateSegments(await db.select().from(segments)),
      'spans transcribed more than once': work.filter(({ attempt, failures }) => attempt - failures > 1)
        .length,
      'unfinished transcriptions': rows.filter(({ completedAt }) => completedAt === null).length,
      'jobs left': await countJobs(db),
      ...(await auditStorage(deployment, { db, rows })),
    }
  } finally {
    await close()
  }
}

function compareEntries(rows: Row[], { entries, outcomes, problems }: World) {
  const byName = Map.groupBy(rows, ({ filename }) => filename ?? '')
  const faults = {
    'lost uploads': 0,
    'duplicate uploads': 0,
    'wrong outcomes': 0,
    'rows of deleted or refused uploads': 0,
  }
  const find = (fault: keyof typeof faults, sample: string) => {
    faults[fault] += 1
    problems.push(`${fault}: ${sample}`)
  }
  for (const { filename, recording, fate, id } of entries.values()) {
    const [row, ...duplicates] = byName.get(filename) ?? []
    byName.delete(filename)
    if (duplicates.length > 0) find('duplicate uploads', filename)
    if (fate === 'deleted') {
      if (row) find('rows of deleted or refused uploads', `${recording.name} ${row.id}: ${row.status}`)
    } else if (!row) find('lost uploads', `${recording.name} ${id}`)
    else {
      const outcome = `${row.status}: ${row.errorCode ?? row.text ?? ''}`
      const isCanceled = fate === 'canceled' && row.status === 'canceled'
      if (outcome !== outcomes.get(recording.name) && !isCanceled)
        find('wrong outcomes', `${recording.name} ${row.id}: ${outcome}`)
    }
  }
  for (const [filename] of byName) find('rows of deleted or refused uploads', `${filename} was not uploaded`)
  return faults
}

async function countJobs(db: Database): Promise<number> {
  const [queue] = await db
    .select({ isStored: sql<boolean>`to_regclass('pgboss.job') is not null` })
    .from(sql`(select) as nothing`)
  // The jobs of the embedded database end with its process.
  if (!queue?.isStored) return 0
  const open = sql`(select 1 from pgboss.job where state in ('created', 'retry', 'active')
    and name in ('prepare', 'prepare_long', 'span', 'clip', 'webhook')) as open`
  const [row] = await db.select({ count: sql<string>`count(*)` }).from(open)
  return Number(row?.count)
}

/**
 * Runs the sweep with a time at which everything is old enough to remove, then looks for files that should
 * not exist.
 */
async function auditStorage({ data, temporary }: Deployment, { db, rows }: { db: Database; rows: Row[] }) {
  const storage = await diskStorage({ root: data })
  await db.update(uploads).set({ expiresAt: sql`now() - interval '1 minute'` })
  await sweepAll({ db, storage, log: console.error }, new Date(Date.now() + 60_000))
  const sizes = await Promise.all(rows.map(({ id }) => storage.size(`transcriptions/${id}/audio`)))
  return {
    'orphaned files after the sweep': (
      await orphanedFiles(storage, new Map(rows.map((row) => [row.id, row])))
    ).size,
    'unfinished uploads after the sweep': (await Array.fromAsync(storage.list('uploads'))).length,
    'missing or truncated audio files': rows.filter(({ audioBytes }, at) => sizes[at] !== audioBytes).length,
    'partial files': await countFiles(join(data, 'incoming')),
    'temporary files': await countFiles(temporary),
  }
}

async function countFiles(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).length
}
