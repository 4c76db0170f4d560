import { and, asc, desc, eq, getTableColumns, inArray, isNull, lt, ne, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../db/database.ts'
import { deliveries, transcriptions, webhooks } from '../db/schema.ts'
import type { Warning } from '../warnings.ts'

export type Delivery = typeof deliveries.$inferSelect
export type DeliveryAttempt = Delivery['attempts'][number]
/** A delivery that a job has started, with its URL and its signing secrets. */
export type Outgoing = Delivery &
  Pick<typeof webhooks.$inferSelect, 'userId' | 'secret' | 'previousSecrets'> & {
    job: string
    /** The `webhook_url` of the upload, or the URL of the webhook. */
    to: string
    /** The trace parent of its transcription. */
    traceparent: string | null
    /** The warnings of its transcription. */
    warnings: Warning[]
  }

/** Inserts a test message. Triggers insert those of transcriptions. */
export async function insertTest(db: Queries, webhookId: string): Promise<Delivery | null> {
  const [row] = await db.insert(deliveries).values({ webhookId, event: 'webhook.test' }).returning()
  return row ?? null
}

/** The latest first; `before`: only deliveries older than this one. */
export async function listDeliveries(
  db: Queries,
  { webhookId, before, limit }: { webhookId: string; before?: Delivery | undefined; limit: number },
): Promise<Delivery[]> {
  const key = sql`(${deliveries.createdAt}, ${deliveries.id})`
  const isOlder =
    before &&
    sql`${key} < (select ${deliveries.createdAt}, ${deliveries.id} from ${deliveries} where ${deliveries.id} = ${before.id})`
  return db
    .select()
    .from(deliveries)
    .where(and(eq(deliveries.webhookId, webhookId), isOlder))
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

/** Makes a delivery in any state pending again, due now. */
export async function replay(db: Queries, id: string): Promise<Delivery | null> {
  const [row] = await db
    .update(deliveries)
    .set({ state: 'pending', failures: 0, dueAt: sql`now()`, job: null })
    .where(eq(deliveries.id, id))
    .returning()
  return row ?? null
}

/**
 * Assigns job ids to up to `limit` pending deliveries without a job. Enqueue those jobs in the same
 * transaction.
 */
export async function claimWithoutJobs(tx: Transaction, limit: number) {
  const ids = tx
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
    .where(and(inArray(deliveries.id, ids), eq(webhooks.id, deliveries.webhookId)))
    .returning({ ...getTableColumns(deliveries), userId: webhooks.userId })
}

/** Only for the embedded database, whose queue is emptied at each start. */
export async function clearJobs(db: Queries): Promise<void> {
  await db.update(deliveries).set({ job: null }).where(eq(deliveries.state, 'pending'))
}

/** Null if the delivery is finished or deleted, or belongs to another job by now. */
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
      warnings: sql`coalesce((
        select ${transcriptions.warnings} from ${transcriptions} where ${transcriptions.id} = ${deliveries.transcriptionId}
      ), '[]')`.mapWith(transcriptions.warnings),
    })
  return row ? { ...row, job } : null
}

/**
 * Writes an outcome. False if a later attempt has started, or the delivery was replayed or deleted meanwhile.
 */
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

/** Deletes finished deliveries created before this time, and returns their number. */
export async function deleteOldDeliveries(db: Queries, before: Date): Promise<number> {
  const rows = await db
    .delete(deliveries)
    .where(and(ne(deliveries.state, 'pending'), lt(deliveries.createdAt, before)))
    .returning({ id: deliveries.id })
  return rows.length
}
