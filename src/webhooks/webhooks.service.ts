import { withUserLock } from '../auth/users.store.ts'
import type { Database, Queries } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { isUuid } from '../uuid.ts'
import { EVENTS, type WebhookEvent } from './events.ts'
import { requireWebhook, webhookNotFound } from './owned-webhooks.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { rotated } from './secrets.ts'
import { newSecret } from './signature.ts'
import { ensureUploadsWebhook } from './upload-webhooks.ts'
import {
  countWebhooks,
  disableWebhook,
  insertWebhook,
  listWebhooks,
  lockSigning,
  removeWebhook,
  UPLOADS,
  updateWebhook,
  type Webhook,
  type WebhookKeys,
} from './webhooks.store.ts'

/** The maximum for each user. */
const MAX_WEBHOOKS = 20

export type WebhooksService = ReturnType<typeof createWebhooksService>

type NewWebhook = { userId: string; url: string; events?: WebhookEvent[] | undefined }

type WebhookChanges = {
  url?: string | undefined
  events?: WebhookEvent[] | undefined
  enabled?: boolean | undefined
}

/** A user's webhooks. Everything throws `not_found`, also for a webhook of another user. */
export function createWebhooksService({
  db,
  outbound,
  cipher,
}: {
  db: Database
  outbound: Outbound
  cipher: SecretCipher
}) {
  return {
    /**
     * Returns the secret, which cannot be read again. Throws `url_refused`, `url_failed` (the host is not
     * found) and `too_many_webhooks`.
     */
    async register({ userId, url, events = [...EVENTS] }: NewWebhook) {
      await requireBelowMax(db, userId)
      await outbound.check({ url, secure: true })
      const secret = newSecret()
      const encrypted = await cipher.encrypt(secret, { userId })
      const row = await withUserLock(db, userId, async (tx) => {
        await requireBelowMax(tx, userId)
        return insertWebhook(tx, { userId, url, events, secret: encrypted })
      })
      if (!row) throw webhookNotFound()
      return { ...toApi(row), secret }
    },

    async list(userId: string) {
      return { webhooks: (await listWebhooks(db, userId)).map(toApi) }
    },

    async read(keys: WebhookKeys) {
      return toApi(await requireWebhook(db, keys))
    },

    /** Fields that are omitted stay. Throws `url_refused` and `url_failed`. */
    async change({ url, events, enabled, ...keys }: WebhookKeys & WebhookChanges) {
      const before = await requireWebhook(db, keys)
      if (url !== undefined) await outbound.check({ url, secure: true })
      await updateWebhook(db, keys, {
        url: url ?? before.url,
        events: events ?? before.events,
        ...(enabled && { disabledAt: null }),
      })
      if (enabled === false) await db.transaction((tx) => disableWebhook(tx, before.id))
      return toApi(await requireWebhook(db, keys))
    },

    async remove(keys: WebhookKeys): Promise<void> {
      if (!isUuid(keys.id) || !(await removeWebhook(db, keys))) throw webhookNotFound()
    },

    /**
     * Returns a new secret, which cannot be read again. Messages are also signed with the previous one until
     * `previous_until`. A message that waits for its next attempt is signed when it is sent. The id `uploads`
     * stands for all `webhook_url`s together.
     */
    async rotate(keys: WebhookKeys) {
      if (keys.id !== UPLOADS) await requireWebhook(db, keys)
      const secret = newSecret()
      const next = await cipher.encrypt(secret, keys)
      return db.transaction(async (tx) => {
        if (keys.id === UPLOADS) await ensureUploadsWebhook(tx, { userId: keys.userId, cipher })
        const row = await lockSigning(tx, keys)
        if (!row) throw webhookNotFound()
        const { until, ...secrets } = rotated(row, { next, now: new Date() })
        await updateWebhook(tx, keys, secrets)
        return { secret, previous_until: until }
      })
    },
  }
}

function toApi({ id, url, events, createdAt, disabledAt }: Webhook) {
  return {
    id,
    url,
    events,
    enabled: disabledAt === null,
    created_at: createdAt.toISOString(),
    disabled_at: disabledAt?.toISOString() ?? null,
  }
}

async function requireBelowMax(db: Queries, userId: string): Promise<void> {
  if ((await countWebhooks(db, userId)) < MAX_WEBHOOKS) return
  throw new VerbatimError('too_many_webhooks', `You have ${MAX_WEBHOOKS} webhooks: delete one first`)
}
