import { and, asc, count, eq, getTableColumns, gt, isNotNull, isNull, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../db/database.ts'
import { deliveries, webhooks } from '../db/schema.ts'

type Row = typeof webhooks.$inferSelect
/** A registered webhook. The row for `webhook_url`s has no URL. */
export type Webhook = Row & { url: string }
/** The signing secrets of a registered webhook, or of all `webhook_url`s. */
export type Signing = Pick<Row, 'id' | 'secret' | 'previousSecrets' | 'disabledAt'>
export type NewWebhook = Pick<Webhook, 'userId' | 'url' | 'secret' | 'events'>
/** Encrypted by `SecretCipher`, or in clear if written by an older version. */
export type StoredSecrets = Pick<Row, 'id' | 'userId' | 'secret' | 'previousSecrets'>
export type WebhookKeys = { id: string; userId: string }

/** Stands for the id of the row for `webhook_url`s. */
export const UPLOADS = 'uploads'

const registered = { ...getTableColumns(webhooks), url: sql<string>`${webhooks.url}` }

const owned = ({ id, userId }: WebhookKeys) =>
  and(
    eq(webhooks.userId, userId),
    id === UPLOADS ? isNull(webhooks.url) : and(eq(webhooks.id, id), isNotNull(webhooks.url)),
  )

export async function insertWebhook(db: Queries, webhook: NewWebhook): Promise<Webhook | null> {
  const [row] = await db.insert(webhooks).values(webhook).returning(registered)
  return row ?? null
}

/** Inserts the row for `webhook_url`s if the user has none. */
export async function insertUploadsWebhook(db: Queries, webhook: Omit<NewWebhook, 'url'>): Promise<void> {
  await db.insert(webhooks).values(webhook).onConflictDoNothing()
}

export async function countWebhooks(db: Queries, userId: string): Promise<number> {
  const [row] = await db
    .select({ count: count() })
    .from(webhooks)
    .where(and(eq(webhooks.userId, userId), isNotNull(webhooks.url)))
  return row?.count ?? 0
}

/** The oldest first. */
export async function listWebhooks(db: Queries, userId: string): Promise<Webhook[]> {
  return db
    .select(registered)
    .from(webhooks)
    .where(and(eq(webhooks.userId, userId), isNotNull(webhooks.url)))
    .orderBy(asc(webhooks.createdAt))
}

/** Null also for a webhook of another user. */
export async function findWebhook(db: Queries, keys: WebhookKeys): Promise<Webhook | null> {
  const [row] = await db.select(registered).from(webhooks).where(owned(keys))
  return row ?? null
}

/** `id` may be `UPLOADS`. */
export async function findSigning(db: Queries, keys: WebhookKeys): Promise<Signing | null> {
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

/** Like `findSigning`, and locks the row until `tx` ends. */
export async function lockSigning(tx: Transaction, keys: WebhookKeys): Promise<Signing | null> {
  const [row] = await tx.select().from(webhooks).where(owned(keys)).for('no key update')
  return row ?? null
}

/** Deletes a webhook and its deliveries. False if it does not exist. */
export async function removeWebhook(db: Queries, keys: WebhookKeys): Promise<boolean> {
  const rows = await db.delete(webhooks).where(owned(keys)).returning({ id: webhooks.id })
  return rows.length > 0
}

/** Disables a webhook and fails its pending deliveries. */
export async function disableWebhook(tx: Transaction, id: string): Promise<void> {
  await tx.update(webhooks).set({ disabledAt: sql`now()` }).where(eq(webhooks.id, id))
  await tx
    .update(deliveries)
    .set({ state: 'failed' })
    .where(and(eq(deliveries.webhookId, id), eq(deliveries.state, 'pending')))
}

/** Webhooks with a secret that does not start with `prefix`, ordered by id. */
export async function findSecretsWithoutPrefix(
  db: Queries,
  { prefix, after, limit }: { prefix: string; after: string | null; limit: number },
): Promise<StoredSecrets[]> {
  const { id, userId, secret, previousSecrets } = webhooks
  const isOther = sql`(not starts_with(${secret}, ${prefix}) or exists (
    select 1 from jsonb_array_elements(${previousSecrets}) previous where not starts_with(previous->>'secret', ${prefix})
  ))`
  return db
    .select({ id, userId, secret, previousSecrets })
    .from(webhooks)
    .where(and(isOther, after === null ? undefined : gt(id, after)))
    .orderBy(asc(id))
    .limit(limit)
}

/** Changes nothing if the secret was rotated meanwhile. */
export async function replaceSecrets(
  db: Queries,
  { id, secret }: StoredSecrets,
  replaced: Pick<Row, 'secret' | 'previousSecrets'>,
): Promise<void> {
  await db
    .update(webhooks)
    .set(replaced)
    .where(and(eq(webhooks.id, id), eq(webhooks.secret, secret)))
}
