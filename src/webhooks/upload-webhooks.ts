import type { Queries } from '../db/database.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { EVENTS } from './events.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { newSecret } from './signature.ts'
import { insertUploadsWebhook } from './webhooks.store.ts'

/** Webhooks for the `webhook_url` of a single upload. */
export function createUploadWebhooks({ outbound, cipher }: { outbound: Outbound; cipher: SecretCipher }) {
  return {
    /** Throws `url_refused` and `url_failed`. */
    async check(url: string): Promise<void> {
      await outbound.check({ url, secure: true })
    },

    provide: (db: Queries, userId: string) => ensureUploadsWebhook(db, { userId, cipher }),
  }
}

/** All `webhook_url`s of a user share one delivery log and one secret, in a webhook row without a URL. */
export async function ensureUploadsWebhook(
  db: Queries,
  { userId, cipher }: { userId: string; cipher: SecretCipher },
): Promise<void> {
  const secret = await cipher.encrypt(newSecret(), { userId })
  await insertUploadsWebhook(db, { userId, secret, events: [...EVENTS] })
}
