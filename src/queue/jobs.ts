/** What each queue's jobs carry. The rows they name are the truth; a job only says that one of them has work. */
export type Jobs = {
  /** A recording that is short, as far as is known. */
  prepare: { transcriptionId: string }
  prepare_long: { transcriptionId: string }
  span: { spanId: string }
  /** A short span. */
  clip: { spanId: string }
  webhook: { deliveryId: string; job: string }
}

export type QueueName = keyof Jobs

export type NewJob<Name extends QueueName> = {
  data: Jobs[Name]
  /** Higher goes first; 0 by default. */
  priority?: number
  delaySeconds?: number
  /** Whose it is, for `perGroup` and `perGroupHere`. */
  group?: string
}
