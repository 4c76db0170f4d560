import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Jobs } from '../queue/jobs.ts'
import type { Queue } from '../queue/queue.ts'
import { type Attributes, type TraceSpan, type Traces, waited, withTraceSpan } from '../traces/traces.ts'
import { type Callback, findCallback } from './callbacks.store.ts'
import { type DeliveryAttempt, type Outgoing, startDelivery, writeOutcome } from './deliveries.store.ts'
import { messageOf } from './message.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { decrypted, secretsAt } from './secrets.ts'
import { signed } from './signature.ts'
import { disableWebhook } from './webhooks.store.ts'

const RESPONSE_TIMEOUT_MS = 15_000
const MAX_ATTEMPTS_KEPT = 30
const GONE = 410

const [SECOND, MINUTE, HOUR] = [1, 60, 3600]
/**
 * Backoff after each failed attempt, in seconds, as Standard Webhooks recommends. After the last one it
 * fails.
 */
const BACKOFF = [
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

/** Writes the message of another API about a transcription that has finished. */
type WriteCallback = (finished: {
  transcriptionId: string
  isCompleted: boolean
  /** As `Callback.request` of the upload. */
  request: string | null
}) => Promise<string>

export type DeliverServices = {
  db: Database
  queue: Queue
  outbound: Outbound
  /** Decrypts the signing secrets. */
  cipher: SecretCipher
  publicUrl: () => string
  traces: Traces
}

type SendServices = DeliverServices & { callbacks: Record<Callback['format'], WriteCallback> }

/**
 * Delivers a message. A 2xx acknowledges it, 410 disables the webhook, and after anything else, also a
 * redirect, it is retried. One transaction writes the outcome and enqueues the job of the next attempt.
 * `callbacks` write the messages of other APIs.
 */
export function createDeliver({
  backoff = BACKOFF,
  ...services
}: SendServices & { backoff?: number[] | undefined }) {
  const { db, queue, traces } = services
  return async ({ deliveryId: id, job }: Jobs['webhook'], signal: AbortSignal, since = new Date()) => {
    const outgoing = await startDelivery(db, { id, job })
    if (!outgoing) return
    const callback = await callbackOf(db, outgoing)
    const attributes = { ...attributesOf(outgoing, callback), ...waited(since) }
    const traceSpan = { name: 'webhook', kind: 'client', parent: outgoing.traceparent, attributes } as const
    await withTraceSpan(traces, traceSpan, (traceSpan) => deliver(outgoing, { callback, signal, traceSpan }))
  }

  async function deliver(
    outgoing: Outgoing,
    { callback, signal, traceSpan }: { callback: Callback | null; signal: AbortSignal; traceSpan: TraceSpan },
  ) {
    const attempt = await send(services, { outgoing, callback, signal })
    const { status } = attempt
    if (status !== null) traceSpan.setAttributes({ 'http.response.status_code': status })
    const isDelivered = status !== null && status >= 200 && status < 300
    if (!isDelivered) traceSpan.fail(status === null ? 'no_answer' : String(status))
    const failures = outgoing.failures + (isDelivered ? 0 : 1)
    const delaySeconds = isDelivered || status === GONE ? undefined : backoff[failures - 1]
    const nextJob = delaySeconds === undefined ? null : crypto.randomUUID()
    await db.transaction(async (tx) => {
      const isWritten = await writeOutcome(tx, outgoing, {
        attempts: [...outgoing.attempts, attempt].slice(-MAX_ATTEMPTS_KEPT),
        failures,
        state: isDelivered ? 'delivered' : nextJob === null ? 'failed' : 'pending',
        job: nextJob,
        dueAt: new Date(Date.now() + (delaySeconds ?? 0) * 1000),
      })
      if (!isWritten) return
      // A `webhook_url` gets no other message, so 410 must not disable those of other uploads.
      if (status === GONE && outgoing.url === null) await disableWebhook(tx, outgoing.webhookId)
      if (nextJob === null) return
      await queue.enqueue(tx, 'webhook', [deliveryJob({ ...outgoing, job: nextJob }, delaySeconds)])
    })
  }
}

/** The URL is left out: it is user text. */
function attributesOf(
  { id, event, attempt, transcriptionId }: Outgoing,
  callback: Callback | null,
): Attributes {
  return {
    'http.request.method': callback?.method ?? 'POST',
    'verbatim.delivery.id': id,
    'verbatim.delivery.event': event,
    'verbatim.delivery.attempt': attempt,
    ...(transcriptionId !== null && { 'verbatim.transcription.id': transcriptionId }),
  }
}

/**
 * Enqueue it in the transaction that writes `job` to the delivery's row. Its group is the user, so a user
 * with many webhooks gets no more slots than others.
 */
export function deliveryJob(
  { id, job, userId }: { id: string; job: string; userId: string },
  delaySeconds = 0,
) {
  return { data: { deliveryId: id, job }, group: userId, delaySeconds }
}

async function send(
  services: SendServices,
  { outgoing, callback, signal }: { outgoing: Outgoing; callback: Callback | null; signal: AbortSignal },
): Promise<DeliveryAttempt> {
  const startedAt = new Date()
  const attemptOf = (status: number | null, error: string | null) => ({
    at: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    status,
    error,
  })
  try {
    const { outbound, cipher } = services
    const secrets = await secretsAt(outgoing, { now: startedAt, cipher })
    const body = await bodyOf(services, outgoing, callback)
    const response = await outbound.request({
      method: callback?.method ?? 'POST',
      url: outgoing.to,
      secure: true,
      headers: {
        ...(callback && (await headerOf(callback, { cipher, userId: outgoing.userId }))),
        'Content-Type': 'application/json',
        ...(await signed({ secrets, id: outgoing.id, body, at: startedAt })),
      },
      body,
      timeoutMs: RESPONSE_TIMEOUT_MS,
      signal,
    })
    await response.body?.cancel()
    return attemptOf(response.status, null)
  } catch (error) {
    if (error instanceof VerbatimError) return attemptOf(null, error.message)
    // The service stops: the job is delivered again, and no failed attempt is recorded.
    throw error
  }
}

/** Only the message to a `webhook_url` is sent in another API's form. */
async function callbackOf(db: Database, { url, transcriptionId }: Outgoing): Promise<Callback | null> {
  return url === null || transcriptionId === null ? null : findCallback(db, transcriptionId)
}

async function bodyOf(
  { publicUrl, callbacks }: SendServices,
  outgoing: Outgoing,
  callback: Callback | null,
): Promise<string> {
  if (!callback) return messageOf(outgoing, publicUrl())
  const { transcriptionId, request } = callback
  const isCompleted = outgoing.event === 'transcription.completed'
  return callbacks[callback.format]({ transcriptionId, isCompleted, request })
}

async function headerOf(
  { headerName, headerValue }: Callback,
  { cipher, userId }: { cipher: SecretCipher; userId: string },
): Promise<Record<string, string>> {
  if (headerName === null || headerValue === null) return {}
  const value = await decrypted(cipher, { secret: headerValue, userId })
  if (value !== null) return { [headerName]: value }
  throw new VerbatimError(
    'internal',
    `The value of the header ${headerName} cannot be decrypted, because the service’s JWT_SECRET changed`,
  )
}
