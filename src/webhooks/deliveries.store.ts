import { and, asc, desc, eq, getTableColumns, inArray, isNull, lt, ne, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../db/database.ts'
import { deliveries, transcriptions, webhooks } from '../db/schema.ts'

export type Delivery = typeof deliveries.$inferSelect
export type DeliveryAttempt = Delivery['attempts'][number]
/** Taken up: with where it goes, and what it is signed with. */
export type Outgoing = Delivery &
  Pick<typeof webhooks.$inferSelect, 'userId' | 'secret' | 'previousSecrets'> & {
    job: string
    to: string
    /** Its transcription's. */
    traceparent: string | null
  }

/** A test message. Those of transcriptions are written by the database. */
export async function insertTest(db: Queries, webhookId: string): Promise<Delivery | null> {
  const [row] = await db.insert(deliveries).values({ webhookId, event: 'webhook.test' }).returning()
  return row ?? null
}

/** The latest first; `before`: only those that come behind this one. */
export async function listDeliveries(
  db: Queries,
  { webhookId, before, limit }: { webhookId: string; before?: Delivery | undefined; limit: number },
): Promise<Delivery[]> {
  const place = sql`(${deliveries.createdAt}, ${deliveries.id})`
  const behind =
    before &&
    sql`${place} < (select ${deliveries.createdAt}, ${deliveries.id} from ${deliveries} where ${deliveries.id} = ${before.id})`
  return db
    .select()
    .from(deliveries)
    .where(and(eq(deliveries.webhookId, webhookId), behind))
    .orderBy(desc(deliveries.createdAt), desc(deliveries.id))
    .limit(limit)
}

export async function findDelivery(
  db: Queries,
  { id, webhookId }: { id: string; webhookId: string },
): Promise<Delivery | null> {
  const [row] = await db
    .select()
    .from(deliveries)
    .where(and(eq(deliveries.id, id), eq(deliveries.webhookId, webhookId)))
  return row ?? null
}

/** Has it sent once more, now, whatever became of it. */
export async function replay(db: Queries, id: string): Promise<Delivery | null> {
  const [row] = await db
    .update(deliveries)
    .set({ state: 'pending', failures: 0, dueAt: sql`now()`, job: null })
    .where(eq(deliveries.id, id))
    .returning()
  return row ?? null
}

/** Names a job for up to `limit` that have none, for the caller to make in the same transaction. */
export async function claimWithoutJobs(tx: Transaction, limit: number) {
  const found = tx
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(and(isNull(deliveries.job), eq(deliveries.state, 'pending')))
    .orderBy(asc(deliveries.createdAt))
    .limit(limit)
    .for('update', { skipLocked: true })
  return tx
    .update(deliveries)
    .set({ job: sql`gen_random_uuid()` })
    .from(webhooks)
    .where(and(inArray(deliveries.id, found), eq(webhooks.id, deliveries.webhookId)))
    .returning({ ...getTableColumns(deliveries), userId: webhooks.userId })
}

/** For the one owner of a database whose jobs are all dropped. */
export async function forgetJobs(db: Queries): Promise<void> {
  await db.update(deliveries).set({ job: null }).where(eq(deliveries.state, 'pending'))
}

/** Null where it is over or gone, or another job has been named since. */
export async function startDelivery(
  db: Queries,
  { id, job }: { id: string; job: string },
): Promise<Outgoing | null> {
  const [row] = await db
    .update(deliveries)
    .set({ attempt: sql`${deliveries.attempt} + 1` })
    .from(webhooks)
    .where(
      and(
        eq(deliveries.id, id),
        eq(deliveries.state, 'pending'),
        eq(deliveries.job, job),
        eq(webhooks.id, deliveries.webhookId),
      ),
    )
    .returning({
      ...getTableColumns(deliveries),
      to: sql<string>`coalesce(${deliveries.url}, ${webhooks.url})`,
      userId: webhooks.userId,
      secret: webhooks.secret,
      previousSecrets: webhooks.previousSecrets,
      traceparent: sql<string | null>`(
        select ${transcriptions.traceparent} from ${transcriptions} where ${transcriptions.id} = ${deliveries.transcriptionId}
      )`,
    })
  return row ? { ...row, job } : null
}

/** Writes an outcome down; false where a later attempt has begun, or it was replayed or removed meanwhile. */
export async function writeOutcome(
  tx: Transaction,
  { id, attempt, job }: Outgoing,
  outcome: Pick<Delivery, 'attempts' | 'failures' | 'state' | 'job' | 'dueAt'>,
): Promise<boolean> {
  const rows = await tx
    .update(deliveries)
    .set(outcome)
    .where(and(eq(deliveries.id, id), eq(deliveries.attempt, attempt), eq(deliveries.job, job)))
    .returning({ id: deliveries.id })
  return rows.length > 0
}

/** Those that are over and were made before; gives how many they were. */
export async function deleteOldDeliveries(db: Queries, before: Date): Promise<number> {
  const rows = await db
    .delete(deliveries)
    .where(and(ne(deliveries.state, 'pending'), lt(deliveries.createdAt, before)))
    .returning({ id: deliveries.id })
  return rows.length
}
