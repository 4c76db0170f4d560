import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import { type Delivery, findDelivery, insertTest, listDeliveries, replay } from './deliveries.store.ts'
import { requireSigning, requireWebhook, webhookNotFound } from './owned-webhooks.ts'
import type { Webhook, WebhookKeys } from './webhooks.store.ts'

export type DeliveriesService = ReturnType<typeof createDeliveriesService>

/**
 * The messages to a user's webhooks. Everything throws `not_found`, also for a webhook of another user. The
 * id `uploads` stands for all `webhook_url`s together, except in `test`.
 */
export function createDeliveriesService({
  db,
  countManualSend,
}: {
  db: Database
  /** Counts a message that a user sends by hand. Throws `rate_limited`. */
  countManualSend: (userId: string) => Promise<unknown>
}) {
  async function requireDelivery({ deliveryId, ...keys }: WebhookKeys & { deliveryId: string }) {
    const { id: webhookId } = await requireSigning(db, keys)
    const row = isUuid(deliveryId) ? await findDelivery(db, { id: deliveryId, webhookId }) : null
    if (!row) throw deliveryNotFound()
    return row
  }

  return {
    /** The latest first; `cursor`: the id of the last delivery of the previous page. */
    async list({ limit, cursor, ...keys }: WebhookKeys & { limit: number; cursor?: string | undefined }) {
      const { id: webhookId } = await requireSigning(db, keys)
      const before = cursor === undefined ? undefined : await requireDelivery({ ...keys, deliveryId: cursor })
      const rows = await listDeliveries(db, { webhookId, before, limit: limit + 1 })
      const page = rows.slice(0, limit)
      const isMore = rows.length > limit
      return { deliveries: page.map(toApi), next_cursor: isMore ? (page.at(-1)?.id ?? null) : null }
    },

    /** Sends a message of the type `webhook.test`. Throws `webhook_disabled` and `rate_limited`. */
    async test(keys: WebhookKeys) {
      const webhook = await requireWebhook(db, keys)
      requireEnabled(webhook)
      await countManualSend(keys.userId)
      const row = await insertTest(db, webhook.id)
      if (!row) throw webhookNotFound()
      return toApi(row)
    },

    /**
     * Sends a message again in any state, with as many retries as a new one. Throws `webhook_disabled` and
     * `rate_limited`.
     */
    async replay(keys: WebhookKeys & { deliveryId: string }) {
      requireEnabled(await requireSigning(db, keys))
      const { id } = await requireDelivery(keys)
      await countManualSend(keys.userId)
      const row = await replay(db, id)
      if (!row) throw deliveryNotFound()
      return toApi(row)
    },
  }
}

function requireEnabled({ disabledAt }: Pick<Webhook, 'disabledAt'>): void {
  if (!disabledAt) return
  throw new VerbatimError(
    'webhook_disabled',
    'The webhook is disabled: enable it with PATCH /api/webhooks/{id} and {"enabled": true}',
  )
}

function toApi({ id, event, url, transcriptionId, state, createdAt, dueAt, attempts }: Delivery) {
  return {
    id,
    event,
    url,
    transcription_id: transcriptionId,
    state,
    created_at: createdAt.toISOString(),
    next_attempt_at: state === 'pending' ? dueAt.toISOString() : null,
    attempts,
  }
}

function deliveryNotFound() {
  return new VerbatimError('not_found', 'Delivery not found')
}
