import type { Queries } from '../db/database.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { EVENTS } from './events.ts'
import { newSecret } from './signature.ts'
import { insertUploadsWebhook } from './webhooks.store.ts'

/** How a transcription comes to tell a URL that its upload names. */
export function createUploadWebhooks({ outbound }: { outbound: Outbound }) {
  return {
    /** Throws `url_refused` and `url_failed`. */
    async check(url: string): Promise<void> {
      await outbound.check({ url, secure: true })
    },

    provide: provideUploadsWebhook,
  }
}

/** All that a user's uploads name share one log and one secret: those of a webhook without a URL of its own. */
export async function provideUploadsWebhook(db: Queries, userId: string): Promise<void> {
  await insertUploadsWebhook(db, { userId, secret: newSecret(), events: [...EVENTS] })
}
