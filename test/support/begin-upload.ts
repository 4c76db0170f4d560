import type { BeginUpload } from '../../src/intake.ts'
import { guardedOutbound } from '../../src/outbound/guarded.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { createBeginUpload } from '../../src/transcriptions/intake/begin-upload.ts'
import { createModelCatalog } from '../../src/transcriptions/models/catalog.ts'
import { createSecretCipher } from '../../src/webhooks/secret-cipher.ts'
import { createUploadWebhooks } from '../../src/webhooks/upload-webhooks.ts'

type Options = Parameters<typeof createBeginUpload>[0]

/** Uploads without limits of a user, and with the sidecar as the only engine, unless `options` say otherwise. */
export async function openBeginUpload(
  options: Pick<Options, 'db' | 'queue' | 'storage' | 'inspect'> & Partial<Options>,
): Promise<BeginUpload> {
  return createBeginUpload({
    engines: ['sidecar'],
    defaultQuality: 'balanced',
    canVerify: true,
    models: createModelCatalog({ db: options.db }),
    maxAudioSeconds: 3600,
    decodeAheadSeconds: 7200,
    usageLimits: {},
    storageQuota: null,
    concurrencyLimit: () => ({ [Symbol.dispose]() {} }),
    webhooks: createUploadWebhooks({
      outbound: guardedOutbound({ allow: [] }),
      cipher: await createSecretCipher({ secrets: ['a secret for tests'] }),
    }),
    traces: noTraces,
    ...options,
  })
}
