import { sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { installation } from '../db/schema.ts'

export type Installation = typeof installation.$inferSelect

export async function readInstallation(db: Queries): Promise<Installation> {
  return onlyRow(await db.select().from(installation))
}

/** Increments the generation and returns the new row. */
export async function nextGeneration(db: Queries): Promise<Installation> {
  const next = { generation: sql`${installation.generation} + 1` }
  return onlyRow(await db.update(installation).set(next).returning())
}

/** Records why the sweep is stopped; null if it runs. */
export async function setSweepStopped(db: Queries, reason: string | null): Promise<void> {
  await db.update(installation).set({ sweepStopped: reason })
}

function onlyRow(rows: Installation[]): Installation {
  const [row, ...others] = rows
  if (!row || others.length > 0) throw new Error('the table installation must have exactly one row')
  return row
}
