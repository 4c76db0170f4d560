import { eq, inArray } from 'drizzle-orm'
import { jsonb, pgSchema, text, timestamp } from 'drizzle-orm/pg-core'
import type { Database } from '../../src/db/database.ts'
import { spans } from '../../src/db/schema.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND } from '../../src/media/media.ts'
import type { Passage } from './service.ts'

const time = () => timestamp({ withTimezone: true, mode: 'date' })

/** pg-boss's own table. */
const jobs = pgSchema('pgboss').table('job', {
  name: text(),
  data: jsonb().$type<{ transcriptionId?: string }>(),
  startedOn: time(),
  completedOn: time(),
})

/** Seconds from the first byte of an upload on; of a span also how much audio it has. */
export type Stages = {
  accepted: number
  decoding: number
  decoded: number
  spans: { from: number; to: number; seconds: number }[]
  completed: number
}

export async function stagesOf(db: Database, passage: Passage): Promise<Stages> {
  const since = (date: Date | null | undefined) => (Number(date ?? Number.NaN) - passage.sentAt) / 1000
  const own = await db.select().from(spans).where(eq(spans.transcriptionId, passage.id))
  const preparing = await db
    .select()
    .from(jobs)
    .where(inArray(jobs.name, ['prepare']))
  const prepare = preparing.find(({ data }) => data?.transcriptionId === passage.id)
  return {
    accepted: (passage.acceptedAt - passage.sentAt) / 1000,
    decoding: since(prepare?.startedOn),
    decoded: since(prepare?.completedOn),
    spans: own
      .map(({ startedAt, finishedAt, startSample, endSample }) => ({
        from: since(startedAt),
        to: since(finishedAt),
        seconds: ((endSample - startSample) * BYTES_PER_SAMPLE) / BYTES_PER_SECOND,
      }))
      .toSorted((a, b) => a.to - b.to),
    completed: (passage.completedAt - passage.sentAt) / 1000,
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
