import { eq, lt, sql } from 'drizzle-orm'
import type { Database, Queries } from '../db/database.ts'
import { counters } from '../db/schema.ts'

/**
 * Prepares the statement that increments the counter of `key`, and returns the count and the seconds until
 * its window ends. A window starts with its first event. All processes share the row, and the database's
 * clock.
 */
export function prepareCountUp(db: Database, { windowSeconds }: { windowSeconds: number }) {
  const isExpired = sql`${counters.until} <= now()`
  const statement = db
    .insert(counters)
    .values({
      key: sql.placeholder('key'),
      count: 1,
      until: sql`now() + make_interval(secs => ${windowSeconds})`,
    })
    .onConflictDoUpdate({
      target: counters.key,
      set: {
        count: sql`case when ${isExpired} then 1 else ${counters.count} + 1 end`,
        until: sql`case when ${isExpired} then excluded.until else ${counters.until} end`,
      },
    })
    .returning({
      count: counters.count,
      secondsLeft: sql<number>`ceil(extract(epoch from ${counters.until} - now()))::int`,
    })
    .prepare(`count_up_${windowSeconds}`)
  return async (key: string): Promise<{ count: number; secondsLeft: number }> => {
    const [row] = await statement.execute({ key })
    if (!row) throw new Error('INSERT returned no row')
    return row
  }
}

/** True if this process acquired the lease; it expires after `seconds`. */
export async function acquireLease(
  db: Queries,
  { key, seconds }: { key: string; seconds: number },
): Promise<boolean> {
  const rows = await db
    .insert(counters)
    .values({ key, count: 1, until: sql`now() + make_interval(secs => ${seconds})` })
    .onConflictDoUpdate({
      target: counters.key,
      set: { until: sql`excluded.until` },
      setWhere: sql`${counters.until} <= now()`,
    })
    .returning({ key: counters.key })
  return rows.length > 0
}

export async function removeCounter(db: Queries, key: string): Promise<void> {
  await db.delete(counters).where(eq(counters.key, key))
}

/** Removes counters and leases whose window has ended. */
export async function deleteExpired(db: Queries): Promise<void> {
  await db.delete(counters).where(lt(counters.until, sql`now()`))
}
