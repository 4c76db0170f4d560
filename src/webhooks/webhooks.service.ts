import { withUserLock } from '../auth/users.store.ts'
import type { Database, Queries } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { isUuid } from '../uuid.ts'
import { type Delivery, findDelivery, insertTest, listDeliveries, replay } from './deliveries.store.ts'
import { EVENTS, type WebhookEvent } from './events.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { rotated } from './secrets.ts'
import { newSecret } from './signature.ts'
import { provideUploadsWebhook } from './upload-webhooks.ts'
import {
  countWebhooks,
  disableWebhook,
  findSigning,
  findWebhook,
  holdSigning,
  insertWebhook,
  listWebhooks,
  removeWebhook,
  type Signing,
  UPLOADS,
  updateWebhook,
  type Webhook,
  type WebhookKeys,
} from './webhooks.store.ts'

const MAX_WEBHOOKS = 20

export type WebhooksService = ReturnType<typeof createWebhooksService>

/**
 * A user's webhooks and what was sent to them. Everything throws `not_found` also for another user's. The id `uploads` stands
 * for the URLs that uploads name: they have a log and a secret.
 */
export function createWebhooksService({
  db,
  outbound,
  cipher,
  countSending,
}: {
  db: Database
  outbound: Outbound
  cipher: SecretCipher
  /** Counts a message that a user sends by hand. Throws `rate_limited`. */
  countSending: (userId: string) => Promise<unknown>
}) {
  async function owned(keys: WebhookKeys): Promise<Webhook> {
    const row = isUuid(keys.id) ? await findWebhook(db, keys) : null
    if (!row) throw notFound()
    return row
  }

  async function signing(keys: WebhookKeys): Promise<Signing> {
    const row = isUuid(keys.id) || keys.id === UPLOADS ? await findSigning(db, keys) : null
    if (!row) throw notFound()
    return row
  }

  function requireEnabled({ disabledAt }: Pick<Webhook, 'disabledAt'>): void {
    if (!disabledAt) return
    throw new VerbatimError(
      'webhook_disabled',
      'The webhook is disabled, as its host said that it is gone: enable it',
    )
  }

  async function ownedDelivery({ deliveryId, ...keys }: WebhookKeys & { deliveryId: string }) {
    const { id: webhookId } = await signing(keys)
    const row = isUuid(deliveryId) ? await findDelivery(db, { id: deliveryId, webhookId }) : null
    if (!row) throw new VerbatimError('not_found', 'Delivery not found')
    return row
  }

  return {
    /**
     * The secret is given here and never again. Throws `url_refused`, `url_failed` (its host is not found), and
     * `too_many_webhooks`.
     */
    async register({
      userId,
      url,
      events = [...EVENTS],
    }: {
      userId: string
      url: string
      events?: WebhookEvent[] | undefined
    }) {
      await requireRoom(db, userId)
      await outbound.check({ url, secure: true })
      const secret = newSecret()
      const encrypted = await cipher.encrypt(secret, { userId })
      const row = await withUserLock(db, userId, async (tx) => {
        await requireRoom(tx, userId)
        return insertWebhook(tx, { userId, url, events, secret: encrypted })
      })
      if (!row) throw notFound()
      return { ...webhookOf(row), secret }
    },

    async list(userId: string) {
      return { webhooks: (await listWebhooks(db, userId)).map(webhookOf) }
    },

    async read(keys: WebhookKeys) {
      return webhookOf(await owned(keys))
    },

    /** What is left out stays. Throws `url_refused` and `url_failed`. */
    async change({
      url,
      events,
      enabled,
      ...keys
    }: WebhookKeys & {
      url?: string | undefined
      events?: WebhookEvent[] | undefined
      enabled?: boolean | undefined
    }) {
      const before = await owned(keys)
      if (url !== undefined) await outbound.check({ url, secure: true })
      await updateWebhook(db, keys, {
        url: url ?? before.url,
        events: events ?? before.events,
        ...(enabled && { disabledAt: null }),
      })
      if (enabled === false) await db.transaction((tx) => disableWebhook(tx, before.id))
      return webhookOf(await owned(keys))
    },

    async remove(keys: WebhookKeys): Promise<void> {
      if (!isUuid(keys.id) || !(await removeWebhook(db, keys))) throw notFound()
    },

    /**
     * Gives a new secret, here and never again. Messages are signed with the one before it too, `previous_until` then. What
     * is on its way is signed when it is sent.
     */
    async rotate(keys: WebhookKeys) {
      if (keys.id !== UPLOADS) await owned(keys)
      const secret = newSecret()
      const next = await cipher.encrypt(secret, keys)
      return db.transaction(async (tx) => {
        if (keys.id === UPLOADS) await provideUploadsWebhook(tx, { userId: keys.userId, cipher })
        const row = await holdSigning(tx, keys)
        if (!row) throw notFound()
        const { until, ...secrets } = rotated(row, { next, now: new Date() })
        await updateWebhook(tx, keys, secrets)
        return { secret, previous_until: until }
      })
    },

    /** Sends a message that says no more than that it came. Throws `webhook_disabled`, and `rate_limited`. */
    async test(keys: WebhookKeys) {
      const webhook = await owned(keys)
      requireEnabled(webhook)
      await countSending(keys.userId)
      const row = await insertTest(db, webhook.id)
      if (!row) throw notFound()
      return deliveryOf(row)
    },

    /** The latest first; `cursor`: the id of the last one that was read. */
    async deliveries({
      limit,
      cursor,
      ...keys
    }: WebhookKeys & { limit: number; cursor?: string | undefined }) {
      const { id: webhookId } = await signing(keys)
      const before = cursor === undefined ? undefined : await ownedDelivery({ ...keys, deliveryId: cursor })
      const rows = await listDeliveries(db, { webhookId, before, limit: limit + 1 })
      const page = rows.slice(0, limit)
      const isMore = rows.length > limit
      return { deliveries: page.map(deliveryOf), next_cursor: isMore ? (page.at(-1)?.id ?? null) : null }
    },

    /**
     * Sends a message once more, whatever became of it, and tries as often as with a new one. Throws `webhook_disabled`, and
     * `rate_limited`.
     */
    async replay(keys: WebhookKeys & { deliveryId: string }) {
      requireEnabled(await signing(keys))
      const { id } = await ownedDelivery(keys)
      await countSending(keys.userId)
      const row = await replay(db, id)
      if (!row) throw new VerbatimError('not_found', 'Delivery not found')
      return deliveryOf(row)
    },
  }
}

function webhookOf({ id, url, events, createdAt, disabledAt }: Webhook) {
  return {
    id,
    url,
    events,
    enabled: disabledAt === null,
    created_at: createdAt.toISOString(),
    disabled_at: disabledAt?.toISOString() ?? null,
  }
}

function deliveryOf({ id, event, url, transcriptionId, state, createdAt, dueAt, attempts }: Delivery) {
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

async function requireRoom(db: Queries, userId: string): Promise<void> {
  if ((await countWebhooks(db, userId)) < MAX_WEBHOOKS) return
  throw new VerbatimError('too_many_webhooks', `You have ${MAX_WEBHOOKS} webhooks: delete one first`)
}

function notFound() {
  return new VerbatimError('not_found', 'Webhook not found')
}
