import { and, asc, count, eq, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../db/database.ts'
import { deliveries, webhooks } from '../db/schema.ts'

export type Webhook = typeof webhooks.$inferSelect
export type NewWebhook = Pick<Webhook, 'userId' | 'url' | 'secret' | 'events'>
export type WebhookKeys = { id: string; userId: string }

const owned = ({ id, userId }: WebhookKeys) => and(eq(webhooks.id, id), eq(webhooks.userId, userId))

export async function insertWebhook(db: Queries, webhook: NewWebhook): Promise<Webhook | null> {
  const [row] = await db.insert(webhooks).values(webhook).returning()
  return row ?? null
}

export async function countWebhooks(db: Queries, userId: string): Promise<number> {
  const [row] = await db.select({ count: count() }).from(webhooks).where(eq(webhooks.userId, userId))
  return row?.count ?? 0
}

/** The oldest first. */
export async function listWebhooks(db: Queries, userId: string): Promise<Webhook[]> {
  return db.select().from(webhooks).where(eq(webhooks.userId, userId)).orderBy(asc(webhooks.createdAt))
}

/** Null also for another user's; nor do the others touch those. */
export async function findWebhook(db: Queries, keys: WebhookKeys): Promise<Webhook | null> {
  const [row] = await db.select().from(webhooks).where(owned(keys))
  return row ?? null
}

export async function updateWebhook(
  db: Queries,
  keys: WebhookKeys,
  changes: Partial<Pick<Webhook, 'url' | 'events' | 'disabledAt' | 'secret' | 'previousSecrets'>>,
): Promise<void> {
  await db.update(webhooks).set(changes).where(owned(keys))
}

/** A webhook that is held until `tx` ends. Null also for another user's. */
export async function holdWebhook(tx: Transaction, keys: WebhookKeys): Promise<Webhook | null> {
  const [row] = await tx.select().from(webhooks).where(owned(keys)).for('no key update')
  return row ?? null
}

/** Removes it with its deliveries. False where there is none. */
export async function removeWebhook(db: Queries, keys: WebhookKeys): Promise<boolean> {
  const rows = await db.delete(webhooks).where(owned(keys)).returning({ id: webhooks.id })
  return rows.length > 0
}

/** Nothing more is sent there, also of what is waiting. */
export async function disableWebhook(tx: Transaction, id: string): Promise<void> {
  await tx.update(webhooks).set({ disabledAt: sql`now()` }).where(eq(webhooks.id, id))
  await tx
    .update(deliveries)
    .set({ state: 'failed' })
    .where(and(eq(deliveries.webhookId, id), eq(deliveries.state, 'pending')))
}
