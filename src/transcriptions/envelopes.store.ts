import { and, asc, eq } from 'drizzle-orm'
import { concatenated } from '../bytes.ts'
import type { Queries, Transaction } from '../db/database.ts'
import { envelopes } from '../db/schema.ts'

/** Writes the envelope of a stored pcm piece. False if there is one already, which stays. */
export async function insertEnvelope(
  tx: Transaction,
  envelope: typeof envelopes.$inferInsert,
): Promise<boolean> {
  const rows = await tx
    .insert(envelopes)
    .values(envelope)
    .onConflictDoNothing()
    .returning({ piece: envelopes.piece })
  return rows.length > 0
}

/** Whether a pcm piece was decoded and stored. Its file can be removed since. */
export async function isPieceDecoded(
  db: Queries,
  { id, channel, piece }: { id: string; channel: number; piece: number },
): Promise<boolean> {
  const { transcriptionId } = envelopes
  const rows = await db
    .select({ piece: envelopes.piece })
    .from(envelopes)
    .where(and(eq(transcriptionId, id), eq(envelopes.channel, channel), eq(envelopes.piece, piece)))
  return rows.length > 0
}

export async function levelsOf(
  db: Queries,
  { id, channel }: { id: string; channel: number },
): Promise<Uint8Array> {
  const pieces = await db
    .select({ levels: envelopes.levels })
    .from(envelopes)
    .where(and(eq(envelopes.transcriptionId, id), eq(envelopes.channel, channel)))
    .orderBy(asc(envelopes.piece))
  return concatenated(pieces.map(({ levels }) => levels))
}

/** The peaks of each transcribed channel, in order, up to the last decoded piece. */
export async function peaksOf(db: Queries, id: string): Promise<Uint8Array[]> {
  const pieces = await db
    .select({ channel: envelopes.channel, peaks: envelopes.peaks })
    .from(envelopes)
    .where(eq(envelopes.transcriptionId, id))
    .orderBy(asc(envelopes.channel), asc(envelopes.piece))
  const channels = Map.groupBy(pieces, ({ channel }) => channel)
  return [...channels.values()].map((rows) => concatenated(rows.map(({ peaks }) => peaks)))
}
