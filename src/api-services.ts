import packageJson from '../package.json' with { type: 'json' }
import { createAdminService } from './admin/admin.service.ts'
import type { AppServices, OperationsServices } from './app.ts'
import { createAccessTokens } from './auth/access-tokens.ts'
import { createAuthService } from './auth/auth.service.ts'
import { createAuthenticator } from './auth/authenticator.ts'
import type { CallerCache } from './auth/caller-cache.ts'
import { createIdentityProvider, type IdentityProvider } from './auth/identity-provider.ts'
import { createKeysService } from './auth/keys.service.ts'
import type { Passwords } from './auth/passwords.ts'
import { createRefreshChain } from './auth/refresh-tokens.ts'
import { SettingError, type Settings } from './config.ts'
import type { Changes } from './db/changes.ts'
import type { Database } from './db/database.ts'
import { swaggerAssets } from './http/openapi/swagger-assets.ts'
import { createConcurrencyLimit } from './limits/at-once.ts'
import { createRate, type Rate } from './limits/rate.ts'
import { createSignInLimits } from './limits/sign-ins.ts'
import { createStorageQuota } from './limits/storage-quota.ts'
import type { Log } from './log.ts'
import type { Outbound } from './outbound/outbound.ts'
import type { Page } from './page/page.ts'
import type { Queue } from './queue/queue.ts'
import type { Objects } from './storage/storage.ts'
import type { Traces } from './traces/traces.ts'
import { createBeginUpload } from './transcriptions/intake/begin-upload.ts'
import type { Inspect } from './transcriptions/intake/inspect.ts'
import { ENGINES, parseOptions } from './transcriptions/intake/options.ts'
import type { UsageLimits } from './transcriptions/intake/usage-limits.ts'
import { createModelCatalog, type ModelCatalog } from './transcriptions/models/catalog.ts'
import { createRequeue } from './transcriptions/pipeline/requeue.ts'
import { createLinkSigner, type Hmac } from './transcriptions/reading/signed-links.ts'
import { createRemoveFolder, discardFolder } from './transcriptions/removal.ts'
import { createVoicesService } from './transcriptions/speakers/voices.service.ts'
import { audioKey } from './transcriptions/storage-keys.ts'
import { createTranscriptionsService } from './transcriptions/transcriptions.service.ts'
import { transcriptionsOf } from './transcriptions/transcriptions.store.ts'
import { createTusService } from './tus/tus.service.ts'
import { uploadsOf } from './tus/uploads.store.ts'
import { createWholeUploads } from './tus/whole-uploads.ts'
import { createDeliveriesService } from './webhooks/deliveries.service.ts'
import type { SecretCipher } from './webhooks/secret-cipher.ts'
import { createUploadWebhooks } from './webhooks/upload-webhooks.ts'
import { createWebhooksService } from './webhooks/webhooks.service.ts'

/** Users behind one address refresh their tokens every 15 minutes, and log in less often. */
const TOKEN_REQUESTS_PER_LOGIN = 10
/** Test and replayed messages per user, to all webhooks together. */
const MANUAL_SENDS_PER_MINUTE = 30
/** Per user and process. Each holds a connection, and a file or a request to a bucket. */
const MAX_CONCURRENT_UPLOADS = 100
/**
 * Event streams and requests with `Prefer: wait`, per user and process. Each holds a connection and 70 KB.
 */
const MAX_WAITING_REQUESTS = 1000

export type ApiServices = Omit<AppServices, 'stopping' | keyof OperationsServices>

type ApiAdapters = {
  settings: Settings
  secrets: readonly [string, ...string[]]
  publicUrl: () => string
  db: Database
  changes: Changes
  /** Null if the process cannot LISTEN. */
  callerCache: CallerCache | null
  queue: Pick<Queue, 'enqueue'>
  storage: Objects
  inspect: Inspect
  outbound: Outbound
  passwords: Passwords
  hmac: Hmac
  cipher: SecretCipher
  traces: Traces
  page: () => Promise<Page | null>
  log: Log
}

/** Builds the services of the API on the adapters of a runtime. Throws `SettingError`. */
export async function createApiServices(adapters: ApiAdapters): Promise<ApiServices> {
  const { settings, secrets, publicUrl, db, changes, callerCache, queue, storage, outbound, cipher } =
    adapters
  const { passwords, hmac, traces, log } = adapters
  const clearCallerCache = () => callerCache?.clear()
  const accessTokens = await createAccessTokens({ secrets })
  const links = createLinkSigner({ secrets, hmac })
  const removeFolder = createRemoveFolder({ db, storage })
  const models = createModelCatalog({ db })
  const transcriptions = createTranscriptionsService({
    db,
    changes,
    storage,
    removeFolder,
    links,
    publicUrl,
    log,
    concurrencyLimit: createConcurrencyLimit({
      perUser: MAX_WAITING_REQUESTS,
      problem: `You have ${MAX_WAITING_REQUESTS} requests that wait for transcriptions, which is the limit`,
    }),
  })
  const { beginUpload, uploads, wholeUploads } = createIntake(adapters, { removeFolder, models })
  const auth = createAuthService({
    db,
    passwords,
    registration: settings.REGISTRATION,
    accessTokens,
    refreshChain: await createRefreshChain({ secrets }),
    limits: createSignInLimits({ db, perMinute: settings.LOGINS_PER_MINUTE }),
    ownedIds: async (tx, userId) => ({
      transcriptions: await transcriptionsOf(tx, userId),
      uploads: await uploadsOf(tx, userId),
    }),
    async removeFiles(removed) {
      await transcriptions.removeFiles(removed.transcriptions)
      await uploads.removeFiles(removed.uploads)
    },
    clearCallerCache,
  })
  return {
    auth,
    keys: createKeysService({ db, clearCallerCache }),
    authenticator: createAuthenticator({
      db,
      accessTokens,
      identityProvider: identityProviderOf(settings),
      callerCache,
      requestRate: requestRateOf(db, settings),
    }),
    tokenRequestRate: createRate({
      db,
      name: 'token-requests',
      perMinute: settings.LOGINS_PER_MINUTE * TOKEN_REQUESTS_PER_LOGIN,
      problem: 'Too many token requests from this address',
    }),
    trustedProxies: settings.TRUSTED_PROXIES,
    admin: createAdminService({
      db,
      createAccount: auth.createAccount,
      requeue: createRequeue({ db, queue, traces, log }),
    }),
    transcriptions,
    voices: createVoicesService({ db }),
    beginUpload,
    uploads,
    wholeUploads,
    publicUrl,
    outbound,
    engines: settings.INFERENCE,
    modelAliases: settings.MODEL_ALIASES,
    models,
    webhooks: createWebhooksService({ db, outbound, cipher }),
    deliveries: createDeliveriesService({ db, countManualSend: manualSendRateOf(db) }),
    swagger: swaggerAssets,
    maxUploadBytes: settings.MAX_UPLOAD_BYTES,
    version: packageJson.version,
    page: adapters.page,
    info: async () => ({ ...offerOf(settings), registration: await auth.isRegistrationOpen() }),
    corsOrigins: settings.CORS_ORIGINS ?? null,
  }
}

/**
 * Builds the ways in for audio, which share their limits: single requests, resumable uploads, and uploads
 * whose options come later.
 */
function createIntake(
  { settings, db, queue, storage, inspect, outbound, cipher, traces }: ApiAdapters,
  { removeFolder, models }: { removeFolder: ReturnType<typeof createRemoveFolder>; models: ModelCatalog },
) {
  const defaults = {
    engines: settings.INFERENCE.map((name) => ENGINES[name]),
    defaultQuality: settings.DEFAULT_QUALITY,
    canVerify: settings.VERIFY_MODEL !== undefined,
  }
  const webhooks = createUploadWebhooks({ outbound, cipher })
  const bytesPerUser = settings.STORAGE_BYTES_PER_USER
  const storageQuota = bytesPerUser === 'unlimited' ? null : createStorageQuota({ db, bytesPerUser })
  const concurrencyLimit = createConcurrencyLimit({
    perUser: MAX_CONCURRENT_UPLOADS,
    problem: `You have ${MAX_CONCURRENT_UPLOADS} uploads in progress, which is the limit`,
  })
  const beginUpload = createBeginUpload({
    db,
    queue,
    storage,
    inspect,
    ...defaults,
    models,
    maxAudioSeconds: settings.MAX_AUDIO_SECONDS,
    decodeAheadSeconds: settings.DECODE_AHEAD_SECONDS,
    usageLimits: usageLimitsIn(settings),
    storageQuota,
    concurrencyLimit,
    webhooks,
    traces,
  })
  const uploads = createTusService({
    db,
    storage,
    removeFolder,
    beginUpload,
    async checkFields(fields) {
      const options = parseOptions(fields, defaults)
      await models.check(options)
      const { webhookUrl } = options
      if (webhookUrl !== null) await webhooks.check(webhookUrl)
    },
    maxBytes: settings.MAX_UPLOAD_BYTES,
    storageQuota,
    concurrencyLimit,
  })
  const wholeUploads = createWholeUploads({
    db,
    storage,
    removeFolder,
    discardFolder: (folder) => discardFolder({ db, storage }, folder),
    beginUpload,
    readOriginal: (transcriptionId) => storage.read(audioKey(transcriptionId)),
    storageQuota,
    concurrencyLimit,
  })
  return { beginUpload, uploads, wholeUploads }
}

/** What a client may read without a token, except whether registration is open. */
function offerOf(settings: Settings) {
  return {
    version: packageJson.version,
    identity_provider: settings.AUTH_ISSUER ?? null,
    engines: settings.INFERENCE,
    default_quality: settings.DEFAULT_QUALITY,
    max_upload_bytes: settings.MAX_UPLOAD_BYTES,
    max_audio_seconds: settings.MAX_AUDIO_SECONDS,
    retention_days: settings.RETENTION_DAYS ?? null,
  }
}

/** The limits of each user. */
function usageLimitsIn(settings: Settings): UsageLimits {
  return { maxOpen: settings.MAX_OPEN_PER_USER, audioSecondsPerDay: settings.AUDIO_SECONDS_PER_DAY }
}

function requestRateOf(db: Database, { REQUESTS_PER_MINUTE: perMinute }: Settings): Rate | null {
  if (perMinute === undefined) return null
  return createRate({ db, name: 'requests', perMinute, problem: 'Too many requests' })
}

function manualSendRateOf(db: Database): Rate {
  return createRate({
    db,
    name: 'webhook-tests',
    perMinute: MANUAL_SENDS_PER_MINUTE,
    problem: `You may send ${MANUAL_SENDS_PER_MINUTE} test and replayed messages per minute`,
  })
}

function identityProviderOf({
  AUTH_JWKS_URL: jwksUrl,
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: audience,
}: Settings): IdentityProvider | null {
  if (jwksUrl && issuer && audience) return createIdentityProvider({ jwksUrl, issuer, audience })
  if (!jwksUrl && !issuer && !audience) return null
  throw new SettingError(
    'AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE belong together: set all three or none',
  )
}
