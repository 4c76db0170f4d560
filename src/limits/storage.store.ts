import { eq, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { storageUsage, transcriptions, uploads, users } from '../db/schema.ts'
import { BYTES_PER_SAMPLE, SAMPLES_PER_PIECE } from '../media/media.ts'

/**
 * The bytes that a user stores: originals, the declared lengths of unfinished resumable uploads, and pcm. A
 * pcm piece is removed when its spans are finished, so at most two pieces of a recording exist besides its
 * unfinished samples.
 */
export async function storedBytes(db: Queries, userId: string): Promise<number> {
  const { decodedSamples, doneSamples } = transcriptions
  const unfinished = sql`greatest(${decodedSamples} - ${doneSamples}, 0)`
  const pcmSamples = sql`least(${decodedSamples}, ${unfinished} + ${2 * SAMPLES_PER_PIECE})`
  const audio = sql`select ${storageUsage.audioBytes} from ${storageUsage} where ${storageUsage.userId} = ${userId}`
  const incoming = sql`select sum(${uploads.length}) from ${uploads}
    where ${uploads.userId} = ${userId} and ${uploads.transcriptionId} is null`
  const pcm = sql`select ${BYTES_PER_SAMPLE} * sum(${pcmSamples}) from ${transcriptions}
    where ${transcriptions.userId} = ${userId} and ${transcriptions.status} = 'processing'`
  const [row] = await db
    .select({
      bytes: sql<number>`(coalesce((${audio}), 0) + coalesce((${incoming}), 0) + coalesce((${pcm}), 0))::float8`,
    })
    .from(users)
    .where(eq(users.id, userId))
  return row?.bytes ?? 0
}
