import { createPrepare } from './transcriptions/prepare.ts'
import { createTranscribeSpan } from './transcriptions/transcribe-span.ts'
import type { WorkServices } from './transcriptions/work-services.ts'
import { createDeliver, type DeliverServices } from './webhooks/deliver.ts'

/** How many files are decoded at once; the decoder has a bound of its own, by cores. */
const PREPARE_CONCURRENCY = 2
/** Messages on their way at once, and of one webhook: a host that answers slowly holds up its own. */
const DELIVER = { concurrency: 4, perGroup: 2 }

/** Takes up the queues' jobs, until the queue stops. */
export async function startWorker(services: WorkServices & DeliverServices) {
  const { queue, engines, maxConcurrentPerUser } = services
  await queue.work('prepare', { concurrency: PREPARE_CONCURRENCY }, createPrepare(services))
  const transcribe = createTranscribeSpan(services)
  const { concurrency, clipConcurrency } = engines
  await queue.work('span', { concurrency, perGroup: maxConcurrentPerUser }, transcribe)
  await queue.work('clip', { concurrency: clipConcurrency, perGroup: maxConcurrentPerUser }, transcribe)
  await queue.work('webhook', DELIVER, createDeliver(services))
}
