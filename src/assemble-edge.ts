import { CloudflareAdapter } from 'elysia/adapter/cloudflare-worker'
import { createApiServices } from './api-services.ts'
import { createApp } from './app.ts'
import { portableArgon2id } from './auth/portable-argon2id.ts'
import { bucketOf, SettingError, type Settings } from './config.ts'
import { openChanges } from './db/changes.ts'
import { connectPostgres } from './db/connect.ts'
import { isOutage } from './db/outage.ts'
import { perRequestPostgres } from './db/per-request.ts'
import { StartError } from './errors.ts'
import { brieflyCached } from './health/brief-cache.ts'
import { createHealth, ELSEWHERE } from './health/health.ts'
import { createOperatorAccess } from './http/operator-access.ts'
import { releaseAfterBody } from './http/release-after-body.ts'
import type { Log } from './log.ts'
import { noFetchOutbound } from './outbound/no-fetch.ts'
import type { Page } from './page/page.ts'
import { outboxQueue } from './queue/outbox.ts'
import { requireOwnStorage } from './retention/storage-owner.ts'
import { createObjects } from './storage/s3/objects.ts'
import { noTraces } from './traces/traces.ts'
import { signatureInspector } from './transcriptions/intake/inspect.ts'
import { nodeHmac } from './transcriptions/reading/node-hmac.ts'
import { createSecretCipher } from './webhooks/secret-cipher.ts'

/**
 * Handles a request. Work that continues after the response, or after a disconnect, is passed to `waitUntil`.
 */
type EdgeHandler = (request: Request, waitUntil: (rest: Promise<void>) => void) => Promise<Response>

/**
 * Builds the API on adapters that need no disk and no Web Worker. `keepsSockets`: whether a database
 * connection may serve several requests; if not, each request opens its own. Throws `StartError`.
 */
export async function assembleEdge({
  settings,
  keepsSockets,
  page,
  log,
}: {
  settings: Settings
  keepsSockets: boolean
  page: Page | null
  log: Log
}): Promise<EdgeHandler> {
  const { url, secrets, bucket, publicUrl } = requiredSettings(settings)
  const perRequest = keepsSockets ? null : perRequestPostgres({ url })
  const database = perRequest ?? (await openDatabase(url))
  const { db, changes } = database
  const storage = createObjects(bucket)
  // With a connection per request, there is no connection to ask with at the start.
  if (!perRequest) await requireOwnStorage({ db, storage }).catch(unlessOutage)
  const services = await createApiServices({
    settings,
    secrets,
    db,
    changes,
    storage,
    callerCache: null,
    publicUrl: () => publicUrl,
    queue: outboxQueue(),
    inspect: signatureInspector({ storage }),
    outbound: noFetchOutbound({
      allow: settings.OUTBOUND_ALLOW ?? [],
      nat64: settings.NAT64_PREFIX ?? null,
    }),
    passwords: portableArgon2id,
    hmac: nodeHmac,
    cipher: await createSecretCipher({ secrets }),
    traces: noTraces,
    page: async () => page,
    log,
  })
  const operations = {
    health: brieflyCached(createHealth({ ping: database.ping, storage, queue: null, engines: ELSEWHERE }), {
      sharesReads: keepsSockets,
    }),
    log,
    metrics: null,
    operatorAccess: createOperatorAccess({
      token: settings.METRICS_TOKEN,
      authenticator: services.authenticator,
      isLocal: false,
    }),
    traces: noTraces,
    logsRequests: settings.LOG === 'json',
  }
  const stopping = new AbortController().signal
  // Compiled now, because workerd forbids code generation during requests.
  const app = createApp({ ...services, ...operations, stopping }, CloudflareAdapter).compile()

  if (!perRequest) return async (request) => app.fetch(request)
  return async (request, waitUntil) => {
    const { run, close } = perRequest.open()
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
    // Before the response exists, so that a request whose client disconnects can clean up.
    waitUntil(finished.then(close))
    try {
      const response = await run(() => app.fetch(request))
      if (request.signal.aborted) {
        await run(() => response.body?.cancel())
        finish()
      }
      return releaseAfterBody(response, { run, ended: finish })
    } catch (error) {
      finish()
      throw error
    }
  }
}

/** The API also starts while the storage is unavailable. */
function unlessOutage(error: unknown) {
  if (!isOutage(error)) throw error
}

async function openDatabase(url: string) {
  const { db, ping, listen } = connectPostgres({ url })
  const changes = await openChanges({ listen }).catch((error) => {
    throw new StartError(`The database of DATABASE_URL cannot be opened: ${error.message}`)
  })
  return { db, ping, changes }
}

function requiredSettings(settings: Settings) {
  const { DATABASE_URL: url, JWT_SECRET: secrets, PUBLIC_URL: publicUrl } = settings
  const bucket = bucketOf(settings)
  if (url && secrets && publicUrl && bucket) return { url, secrets, publicUrl, bucket }
  throw new SettingError(
    'The API on this runtime has no disk: set DATABASE_URL, STORAGE_URL, JWT_SECRET and PUBLIC_URL',
  )
}
