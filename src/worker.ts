import { assemblyaiCallback } from './assemblyai/callback.ts'
import { createDeepgramCallback } from './deepgram/callback.ts'
import { createPrepare } from './transcriptions/pipeline/prepare.ts'
import { createTranscribeSpan } from './transcriptions/pipeline/transcribe-span.ts'
import type { WorkServices } from './transcriptions/pipeline/work-services.ts'
import { createDeliver, type DeliverServices } from './webhooks/deliver.ts'

/** The maximum of one user's prepare jobs that run in this process at a time. */
const PREPARE_PER_USER = 2
/** A delivery only waits for its host. The slow hosts of one user hold at most a tenth of the slots. */
const DELIVER = { concurrency: 100, perGroupHere: 10 }

/** One user leaves at least one slot to others. */
const prepareOptions = (concurrency: number) => ({
  concurrency,
  perGroupHere: Math.max(1, Math.min(PREPARE_PER_USER, concurrency - 1)),
})

/** The messages of the APIs whose clients may name a URL for them. */
export const callbacksOf = ({ db }: Pick<DeliverServices, 'db'>) => ({
  assemblyai: assemblyaiCallback,
  deepgram: createDeepgramCallback({ db }),
})

/** Registers the handlers of all queues; they run until the queue stops. */
export async function startWorker(services: WorkServices & DeliverServices) {
  const { queue, media, engines, maxConcurrentPerUser } = services
  await queue.work(
    'prepare',
    prepareOptions(media.capacity.short),
    createPrepare(services, { isShort: true }),
  )
  await queue.work('prepare_long', prepareOptions(media.capacity.long), createPrepare(services))
  const transcribe = createTranscribeSpan(services)
  const { concurrency, clipConcurrency } = engines
  await queue.work('span', { concurrency, perGroup: maxConcurrentPerUser }, transcribe)
  await queue.work('clip', { concurrency: clipConcurrency, perGroup: maxConcurrentPerUser }, transcribe)
  await queue.work('webhook', DELIVER, createDeliver({ ...services, callbacks: callbacksOf(services) }))
}
