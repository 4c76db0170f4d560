import { createPrepare } from './transcriptions/prepare.ts'
import { createTranscribeSpan } from './transcriptions/transcribe-span.ts'
import type { WorkServices } from './transcriptions/work-services.ts'
import { createDeliver, type DeliverServices } from './webhooks/deliver.ts'

/** Recordings that fit in one piece of pcm. The decoder has a bound of its own, by cores. */
const PREPARE_SHORT = { concurrency: 3, perGroupHere: 2 }
/** The others. One that waits for engines keeps its decoder here, but is postponed if another user's recording needs the place. */
const PREPARE_LONG = { concurrency: 4, perGroupHere: 2 }
/** Webhook messages on their way. Each only waits for its host; one user's slow hosts hold at most a tenth of the places. */
const DELIVER = { concurrency: 100, perGroupHere: 10 }

/** Takes up the queues' jobs, until the queue stops. */
export async function startWorker(services: WorkServices & DeliverServices) {
  const { queue, engines, maxConcurrentPerUser } = services
  await queue.work('prepare', PREPARE_SHORT, createPrepare(services, { isShort: true }))
  await queue.work('prepare_long', PREPARE_LONG, createPrepare(services))
  const transcribe = createTranscribeSpan(services)
  const { concurrency, clipConcurrency } = engines
  await queue.work('span', { concurrency, perGroup: maxConcurrentPerUser }, transcribe)
  await queue.work('clip', { concurrency: clipConcurrency, perGroup: maxConcurrentPerUser }, transcribe)
  await queue.work('webhook', DELIVER, createDeliver(services))
}
