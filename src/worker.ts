import { createPrepare } from './transcriptions/pipeline/prepare.ts'
import { createTranscribeSpan } from './transcriptions/pipeline/transcribe-span.ts'
import type { WorkServices } from './transcriptions/pipeline/work-services.ts'
import { createDeliver, type DeliverServices } from './webhooks/deliver.ts'

/** Recordings of one user that are prepared here at a time, if there are more places. */
const PREPARE_PER_USER = 2
/** Webhook messages on their way. Each only waits for its host; one user's slow hosts hold at most a tenth of the places. */
const DELIVER = { concurrency: 100, perGroupHere: 10 }

/** One user leaves a place to others. */
const placesOf = (concurrency: number) => ({
  concurrency,
  perGroupHere: Math.max(1, Math.min(PREPARE_PER_USER, concurrency - 1)),
})

/** Takes up the queues' jobs, until the queue stops. */
export async function startWorker(services: WorkServices & DeliverServices) {
  const { queue, media, engines, maxConcurrentPerUser } = services
  await queue.work('prepare', placesOf(media.capacity.short), createPrepare(services, { isShort: true }))
  await queue.work('prepare_long', placesOf(media.capacity.long), createPrepare(services))
  const transcribe = createTranscribeSpan(services)
  const { concurrency, clipConcurrency } = engines
  await queue.work('span', { concurrency, perGroup: maxConcurrentPerUser }, transcribe)
  await queue.work('clip', { concurrency: clipConcurrency, perGroup: maxConcurrentPerUser }, transcribe)
  await queue.work('webhook', DELIVER, createDeliver(services))
}
