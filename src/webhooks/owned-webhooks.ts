import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import {
  findSigning,
  findWebhook,
  type Signing,
  UPLOADS,
  type Webhook,
  type WebhookKeys,
} from './webhooks.store.ts'

/** A registered webhook of the user. Throws `not_found`. */
export async function requireWebhook(db: Database, keys: WebhookKeys): Promise<Webhook> {
  const row = isUuid(keys.id) ? await findWebhook(db, keys) : null
  if (!row) throw webhookNotFound()
  return row
}

/** A registered webhook of the user, or the one of all `webhook_url`s. Throws `not_found`. */
export async function requireSigning(db: Database, keys: WebhookKeys): Promise<Signing> {
  const row = isUuid(keys.id) || keys.id === UPLOADS ? await findSigning(db, keys) : null
  if (!row) throw webhookNotFound()
  return row
}

export function webhookNotFound() {
  return new VerbatimError('not_found', 'Webhook not found')
}
