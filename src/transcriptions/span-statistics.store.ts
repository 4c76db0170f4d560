import { and, desc, eq, gt, gte, ne, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { spans } from '../db/schema.ts'
import type { EngineName } from '../engines/engine.ts'
import { SAMPLE_RATE } from '../media/media.ts'

/** Seconds of audio that an engine transcribed since midnight (UTC). */
export async function secondsToday(db: Queries, engine: EngineName): Promise<number> {
  const [row] = await db
    .select({ samples: sql<string>`coalesce(sum(${spans.endSample} - ${spans.startSample}), 0)` })
    .from(spans)
    .where(
      and(
        eq(spans.engine, engine),
        // The condition of the index.
        ne(spans.engine, 'sidecar'),
        gte(spans.finishedAt, sql`date_trunc('day', now() at time zone 'utc') at time zone 'utc'`),
      ),
    )
  return Number(row?.samples ?? 0) / SAMPLE_RATE
}

const RECENT_SPANS = 100

/**
 * Recent speed: seconds of audio that all engines together transcribed per second in which any of them was
 * busy, over the last hundred spans of the last hour. Null if there are none.
 */
export async function recentSpeed(db: Queries): Promise<number | null> {
  const recent = db
    .select({
      samples: sql<number>`${spans.endSample} - ${spans.startSample}`.as('samples'),
      busy: sql`tstzrange(${spans.startedAt}, ${spans.finishedAt})`.as('busy'),
    })
    .from(spans)
    .where(and(eq(spans.state, 'done'), gt(spans.finishedAt, sql`now() - interval '1 hour'`)))
    .orderBy(desc(spans.finishedAt))
    .limit(RECENT_SPANS)
    .as('recent')
  const [row] = await db
    .select({
      seconds: sql<number | null>`(sum(${recent.samples}) / ${SAMPLE_RATE})::float8`,
      busy: sql<number | null>`(
        select sum(extract(epoch from upper(period) - lower(period))) from unnest(range_agg(${recent.busy})) as period
      )::float8`,
    })
    .from(recent)
  return row?.seconds && row.busy ? row.seconds / row.busy : null
}

/** Seconds of audio by engine and model over the finished spans of a transcription, most first. */
export async function workOf(db: Queries, id: string) {
  const seconds = sql<number>`sum(${spans.endSample} - ${spans.startSample})::float8 / ${SAMPLE_RATE}`
  return db
    .select({ engine: spans.engine, model: spans.model, seconds })
    .from(spans)
    .where(and(eq(spans.transcriptionId, id), eq(spans.state, 'done')))
    .groupBy(spans.engine, spans.model)
    .orderBy(desc(seconds))
}
