import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Jobs } from '../queue/jobs.ts'
import type { Queue } from '../queue/queue.ts'
import { type Attributes, type TraceSpan, type Traces, waited, withTraceSpan } from '../traces/traces.ts'
import { type DeliveryAttempt, type Outgoing, startDelivery, writeOutcome } from './deliveries.store.ts'
import { messageOf } from './message.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { secretsAt } from './secrets.ts'
import { signed } from './signature.ts'
import { disableWebhook } from './webhooks.store.ts'

const ANSWER_MS = 15_000
const MAX_ATTEMPTS_KEPT = 30
const GONE = 410

const [SECOND, MINUTE, HOUR] = [1, 60, 3600]
/** Pauses after each attempt that failed, in seconds, as Standard Webhooks has them; behind the last it is given up. */
const PAUSES = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
]

export type DeliverServices = {
  db: Database
  queue: Queue
  outbound: Outbound
  /** Decrypts what messages are signed with. */
  cipher: SecretCipher
  publicUrl: () => string
  traces: Traces
}

/**
 * Delivers a message: any 2xx is a receipt, 410 disables the webhook, and all else, a redirect too, is tried again later.
 * Both the outcome and the job of the next attempt are written in one transaction.
 */
export function createDeliver({
  pauses = PAUSES,
  ...services
}: DeliverServices & { pauses?: number[] | undefined }) {
  const { db, queue, traces } = services
  return async ({ deliveryId: id, job }: Jobs['webhook'], signal: AbortSignal, since = new Date()) => {
    const outgoing = await startDelivery(db, { id, job })
    if (!outgoing) return
    const attributes = { ...attributesOf(outgoing), ...waited(since) }
    const about = { name: 'webhook', kind: 'client', parent: outgoing.traceparent, attributes } as const
    await withTraceSpan(traces, about, (step) => deliver(outgoing, { signal, step }))
  }

  async function deliver(outgoing: Outgoing, { signal, step }: { signal: AbortSignal; step: TraceSpan }) {
    const made = await attempt(services, outgoing, signal)
    if (made.status !== null) step.setAttributes({ 'http.response.status_code': made.status })
    const isDelivered = made.status !== null && made.status >= 200 && made.status < 300
    if (!isDelivered) step.fail(made.status === null ? 'no_answer' : String(made.status))
    const failures = outgoing.failures + (isDelivered ? 0 : 1)
    const pause = isDelivered || made.status === GONE ? undefined : pauses[failures - 1]
    const next = pause === undefined ? null : crypto.randomUUID()
    await db.transaction(async (tx) => {
      const isWritten = await writeOutcome(tx, outgoing, {
        attempts: [...outgoing.attempts, made].slice(-MAX_ATTEMPTS_KEPT),
        failures,
        state: isDelivered ? 'delivered' : next === null ? 'failed' : 'pending',
        job: next,
        dueAt: new Date(Date.now() + (pause ?? 0) * 1000),
      })
      if (!isWritten) return
      // One that an upload has named is asked no more anyway.
      if (made.status === GONE && outgoing.url === null) await disableWebhook(tx, outgoing.webhookId)
      if (next === null) return
      await queue.enqueue(tx, 'webhook', [deliveryJob({ ...outgoing, job: next }, pause)])
    })
  }
}

/** Where it goes is not told: it is the user's. */
function attributesOf({ id, event, attempt, transcriptionId }: Outgoing): Attributes {
  return {
    'http.request.method': 'POST',
    'verbatim.delivery.id': id,
    'verbatim.delivery.event': event,
    'verbatim.delivery.attempt': attempt,
    ...(transcriptionId !== null && { 'verbatim.transcription.id': transcriptionId }),
  }
}

/**
 * To be made in the transaction that names it in its row. Its group is the user: whoever has many webhooks has no more places
 * than others.
 */
export function deliveryJob(
  { id, job, userId }: { id: string; job: string; userId: string },
  delaySeconds = 0,
) {
  return { data: { deliveryId: id, job }, group: userId, delaySeconds }
}

async function attempt(
  { outbound, cipher, publicUrl }: DeliverServices,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<DeliveryAttempt> {
  const at = new Date()
  const body = messageOf(outgoing, publicUrl())
  const told = (status: number | null, error: string | null) => ({
    at: at.toISOString(),
    seconds: (Date.now() - at.getTime()) / 1000,
    status,
    error,
  })
  try {
    const secrets = await secretsAt(outgoing, { now: at, cipher })
    const answer = await outbound.request({
      method: 'POST',
      url: outgoing.to,
      secure: true,
      headers: {
        'Content-Type': 'application/json',
        ...(await signed({ secrets, id: outgoing.id, body, at })),
      },
      body,
      timeoutMs: ANSWER_MS,
      signal,
    })
    await answer.body?.cancel()
    return told(answer.status, null)
  } catch (error) {
    if (error instanceof VerbatimError) return told(null, error.message)
    // The service stops, which says nothing about the receiver: the job comes back.
    throw error
  }
}
