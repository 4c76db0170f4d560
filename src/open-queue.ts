import type { OpenDatabase } from './db/database.ts'
import { memoryQueue } from './queue/memory.ts'
import { openMemoryJobs } from './queue/memory-jobs.ts'
import { pgBossQueue } from './queue/pg-boss.ts'
import type { Queue } from './queue/queue.ts'

/** Opens the queue of a Postgres, or without `url` that of the embedded database. */
export async function openQueue({
  url,
  supervises,
  listen,
  onError,
}: Pick<OpenDatabase, 'listen'> & {
  url: string | undefined
  /** Whether this process returns the jobs of dead workers to the queue. */
  supervises: boolean
  onError: (error: unknown) => void
}): Promise<Queue> {
  if (url !== undefined) return pgBossQueue({ url, supervises, listen, onError })
  return memoryQueue({ jobs: await openMemoryJobs({ listen }), onError })
}
