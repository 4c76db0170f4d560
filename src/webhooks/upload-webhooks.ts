import type { Queries } from '../db/database.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { EVENTS } from './events.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { newSecret } from './signature.ts'
import { insertUploadsWebhook } from './webhooks.store.ts'

/** How a transcription comes to tell a URL that its upload names. */
export function createUploadWebhooks({ outbound, cipher }: { outbound: Outbound; cipher: SecretCipher }) {
  return {
    /** Throws `url_refused` and `url_failed`. */
    async check(url: string): Promise<void> {
      await outbound.check({ url, secure: true })
    },

    provide: (db: Queries, userId: string) => provideUploadsWebhook(db, { userId, cipher }),
  }
}

/** All that a user's uploads name share one log and one secret: those of a webhook without a URL of its own. */
export async function provideUploadsWebhook(
  db: Queries,
  { userId, cipher }: { userId: string; cipher: SecretCipher },
): Promise<void> {
  const secret = await cipher.encrypt(newSecret(), { userId })
  await insertUploadsWebhook(db, { userId, secret, events: [...EVENTS] })
}
