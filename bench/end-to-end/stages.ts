import { eq } from 'drizzle-orm'
import type { Database } from '../../src/db/database.ts'
import { spans } from '../../src/db/schema.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND } from '../../src/media/media.ts'
import type { Passage } from './service.ts'

/** Seconds from the first byte of an upload on; of a span also how much audio it has. */
export type Stages = {
  accepted: number
  decoded: number
  spans: { from: number; to: number; seconds: number }[]
  completed: number
}

export async function stagesOf(db: Database, passage: Passage): Promise<Stages> {
  const since = (time: Date | number | null) => (Number(time ?? Number.NaN) - passage.sentAt) / 1000
  const own = await db.select().from(spans).where(eq(spans.transcriptionId, passage.id))
  return {
    accepted: since(passage.acceptedAt),
    decoded: since(passage.decodedAt),
    spans: own
      .map(({ startedAt, finishedAt, startSample, endSample }) => ({
        from: since(startedAt),
        to: since(finishedAt),
        seconds: ((endSample - startSample) * BYTES_PER_SAMPLE) / BYTES_PER_SECOND,
      }))
      .toSorted((a, b) => a.to - b.to),
    completed: since(passage.completedAt),
  }
}

/** For how many seconds exactly so many spans were under way, between the first one's start and the last one's end. */
export function secondsWith({ spans }: Stages, count: number): number {
  const edges = spans.flatMap(({ from, to }) => [from, to]).toSorted((a, b) => a - b)
  return edges.slice(1).reduce((sum, to, index) => {
    const from = edges[index] ?? to
    const underWay = spans.filter((span) => span.from <= from && span.to >= to).length
    return underWay === count ? sum + to - from : sum
  }, 0)
}
