import type { Database } from '../db/database.ts'
import type { Queue } from '../queue/queue.ts'
import { prepareJob, spanJob } from './span-jobs.ts'
import { listOpen } from './transcriptions.store.ts'

/**
 * Makes jobs anew from the rows that still have work, and gives their number. Only for a database's one owner, at start:
 * it takes work away from whoever else might be at it, where others wait for a dead worker's heartbeat to be missed.
 */
export async function requeue({ db, queue }: { db: Database; queue: Queue }): Promise<number> {
  await queue.clear()
  const { toPrepare, toTranscribe } = await listOpen(db)
  await db.transaction(async (tx) => {
    await queue.enqueue(tx, 'prepare', toPrepare.map(prepareJob))
    await queue.enqueue(tx, 'span', withTurns(toTranscribe).map(spanJob))
  })
  return toPrepare.length + toTranscribe.length
}

/** Spans by their transcriptions' age, each with the number of its user's that come before its own. */
function withTurns<Span extends { transcriptionId: string; userId: string }>(spans: Span[]) {
  const places = new Map<string, Map<string, number>>()
  return spans.map((span) => {
    const own = places.get(span.userId) ?? new Map<string, number>()
    places.set(span.userId, own)
    const before = own.get(span.transcriptionId) ?? own.size
    own.set(span.transcriptionId, before)
    return { ...span, before }
  })
}
