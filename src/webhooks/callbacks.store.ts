import { and, asc, desc, eq, gt, isNotNull, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { callbacks, deliveries, transcriptions } from '../db/schema.ts'

/** How the message to a transcription's `webhookUrl` is sent. `headerValue` is encrypted by `SecretCipher`. */
export type Callback = typeof callbacks.$inferSelect

export async function insertCallback(db: Queries, callback: Callback): Promise<void> {
  await db.insert(callbacks).values(callback)
}

export async function findCallback(db: Queries, transcriptionId: string): Promise<Callback | null> {
  const [row] = await db.select().from(callbacks).where(eq(callbacks.transcriptionId, transcriptionId))
  return row ?? null
}

/** The header of the messages to a transcription's `webhookUrl`, and the latest attempt to send one. */
export async function findCallbackState(db: Queries, transcriptionId: string) {
  const callback = await findCallback(db, transcriptionId)
  const [delivery] = await db
    .select({ attempts: deliveries.attempts })
    .from(deliveries)
    .where(and(eq(deliveries.transcriptionId, transcriptionId), isNotNull(deliveries.url)))
    .orderBy(desc(deliveries.createdAt))
    .limit(1)
  return { headerName: callback?.headerName ?? null, status: delivery?.attempts.at(-1)?.status ?? null }
}

export type StoredHeader = { transcriptionId: string; userId: string; headerValue: string }

/** Callbacks with a header value that does not start with `prefix`, ordered by id. */
export async function findHeadersWithoutPrefix(
  db: Queries,
  { prefix, after, limit }: { prefix: string; after: string | null; limit: number },
): Promise<StoredHeader[]> {
  const { transcriptionId, headerValue } = callbacks
  return db
    .select({
      transcriptionId,
      userId: transcriptions.userId,
      headerValue: sql<string>`${headerValue}`,
    })
    .from(callbacks)
    .innerJoin(transcriptions, eq(transcriptions.id, transcriptionId))
    .where(
      and(
        isNotNull(headerValue),
        sql`not starts_with(${headerValue}, ${prefix})`,
        after === null ? undefined : gt(transcriptionId, after),
      ),
    )
    .orderBy(asc(transcriptionId))
    .limit(limit)
}

export async function replaceHeader(
  db: Queries,
  { transcriptionId, headerValue }: Omit<StoredHeader, 'userId'>,
) {
  await db.update(callbacks).set({ headerValue }).where(eq(callbacks.transcriptionId, transcriptionId))
}
