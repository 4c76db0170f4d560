/**
 * The data of each queue's jobs. The rows that a job names are the truth; a job only says that one of them
 * may have work. `StoredJob` (src/db/columns.ts) is the same type for jobs in the outbox.
 */
export type Jobs = {
  /** A recording that is short, as far as its header or size says. */
  prepare: { transcriptionId: string }
  prepare_long: { transcriptionId: string }
  span: { spanId: string }
  /** A short span. */
  clip: { spanId: string }
  webhook: { deliveryId: string; job: string }
}

export type QueueName = keyof Jobs

export const QUEUES: QueueName[] = ['prepare', 'prepare_long', 'span', 'clip', 'webhook']

export type NewJob<Name extends QueueName> = {
  data: Jobs[Name]
  /** Higher runs first. Default: 0. */
  priority?: number
  delaySeconds?: number
  /** The group that `perGroup` and `perGroupHere` limit: mostly a user's id. */
  group?: string
}
