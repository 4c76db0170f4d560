import type { Queries } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Callback } from '../intake.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { EVENTS } from './events.ts'
import type { SecretCipher } from './secret-cipher.ts'
import { newSecret } from './signature.ts'
import { insertUploadsWebhook } from './webhooks.store.ts'

/** Messages to the `webhook_url` of a single upload. */
export function createUploadWebhooks({ outbound, cipher }: { outbound: Outbound; cipher: SecretCipher }) {
  return {
    /** Throws `url_refused` and `url_failed`. Their messages name the URL `name`. */
    async check(url: string, name = 'webhook_url'): Promise<void> {
      try {
        await outbound.check({ url, secure: true })
      } catch (error) {
        if (!(error instanceof VerbatimError)) throw error
        throw new VerbatimError(error.code, `${name}: ${error.message}`, { cause: error, field: name })
      }
    },

    async seal({ format, method, header, request }: Callback, userId: string) {
      return {
        format,
        method,
        headerName: header?.name ?? null,
        headerValue: header && (await cipher.encrypt(header.value, { userId })),
        request,
      }
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
