import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import type { Engines } from '../../engines/failover.ts'
import type { Log } from '../../log.ts'
import type { Media } from '../../media/media.ts'
import type { Queue } from '../../queue/queue.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Traces } from '../../traces/traces.ts'
import type { UsageLimits } from '../intake/usage-limits.ts'

/** What the jobs of transcriptions are done with. */
export type WorkServices = {
  db: Database
  changes: Changes
  queue: Queue
  storage: Storage
  media: Media
  engines: Engines
  maxAudioSeconds: number
  usageLimits: UsageLimits
  /** Seconds of one user's audio that may be decoded ahead of the engines. */
  decodeAheadSeconds: number
  /** Spans of one user that engines are at, on all machines together; undefined: as many as there is room for. */
  maxConcurrentPerUser: number | undefined
  traces: Traces
  log: Log
}
