import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import type { Engines } from '../../engines/failover.ts'
import type { Log } from '../../log.ts'
import type { Media } from '../../media/media.ts'
import type { Queue } from '../../queue/queue.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Traces } from '../../traces/traces.ts'

/** The dependencies of the job handlers of transcriptions. */
export type WorkServices = {
  db: Database
  changes: Changes
  queue: Queue
  storage: Storage
  media: Media
  engines: Engines
  /** The model of uploads that name none, on engines that run it. */
  defaultModel: string | undefined
  /** The model that decodes doubtful text again, for uploads with `verify`. */
  verifyModel: string | undefined
  maxAudioSeconds: number
  /** Maximum seconds of one user's audio per day (UTC); undefined: unlimited. */
  audioSecondsPerDay: number | undefined
  /** Maximum seconds of one user's audio that are decoded but not transcribed. */
  decodeAheadSeconds: number
  /**
   * Maximum spans of one user that engines transcribe at a time, on all machines together; undefined:
   * unlimited.
   */
  maxConcurrentPerUser: number | undefined
  traces: Traces
  log: Log
}
