import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { createAdminService } from './admin/admin.service.ts'
import type { AppServices, OperationsServices } from './app.ts'
import { argon2id } from './auth/argon2id.ts'
import { createAuthService } from './auth/auth.service.ts'
import { createGate } from './auth/gate.ts'
import { createIdentityProvider, type IdentityProvider } from './auth/identity-provider.ts'
import { createKeysService } from './auth/keys.service.ts'
import { SettingError, type Settings } from './config.ts'
import { openChanges } from './db/changes.ts'
import type { Database } from './db/database.ts'
import { lockDirectory } from './db/directory-lock.ts'
import { openPglite } from './db/pglite.ts'
import { openPostgres } from './db/postgres.ts'
import type { Engine } from './engines/engine.ts'
import { huggingfaceEngine } from './engines/huggingface/huggingface.ts'
import { localSidecar } from './engines/local-sidecar/local-sidecar.ts'
import { type Engines, inOrder } from './engines/preference.ts'
import { sidecarEngine } from './engines/sidecar/sidecar.ts'
import { StartError } from './errors.ts'
import { createHealth } from './health/health.ts'
import { createAccessTokens } from './http/access-tokens.ts'
import type { SwaggerAssets } from './http/docs.ts'
import { removeOver } from './limits/counters.store.ts'
import { createRate, type Rate } from './limits/rate.ts'
import type { Log } from './log.ts'
import { ffmpegMedia } from './media/ffmpeg/ffmpeg-media.ts'
import { measuredEngine } from './metrics/measured-engine.ts'
import type { Metrics } from './metrics/metrics.ts'
import { prometheusMetrics } from './metrics/prometheus.ts'
import { guardedOutbound } from './outbound/guarded.ts'
import { startTakeover } from './queue/outbox.ts'
import { pgBossQueue } from './queue/pg-boss.ts'
import { diskStorage } from './storage/disk.ts'
import { s3Storage } from './storage/s3/s3.ts'
import type { Storage } from './storage/storage.ts'
import { createLinkSigner } from './transcriptions/links.ts'
import { createProbe } from './transcriptions/look.ts'
import { ENGINES, parseOptions } from './transcriptions/options.ts'
import type { WorkServices } from './transcriptions/prepare.ts'
import { requeue } from './transcriptions/recover.ts'
import { createRequeue } from './transcriptions/requeue.ts'
import { hostedSecondsToday } from './transcriptions/spans.store.ts'
import { startSweeper } from './transcriptions/sweeper.ts'
import { createTranscriptionsService } from './transcriptions/transcriptions.service.ts'
import { countOpenByStatus } from './transcriptions/transcriptions.store.ts'
import { createUpload } from './transcriptions/upload.ts'
import { createUploadsService } from './uploads/uploads.service.ts'
import type { DeliverServices } from './webhooks/deliver.ts'
import { forgetJobs } from './webhooks/deliveries.store.ts'
import { startRelay } from './webhooks/relay.ts'
import { createUploadWebhooks } from './webhooks/upload-webhooks.ts'
import { createWebhooksService } from './webhooks/webhooks.service.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

export type Service = {
  operations: OperationsServices
  /** Null in a process that only works. */
  api: Omit<AppServices, 'stopping' | keyof OperationsServices> | null
  /** Null in a process that only serves the API. */
  work: (WorkServices & DeliverServices) | null
  /** Takes no more jobs, hands back what still runs after `graceMs`, then closes everything. */
  stop(graceMs: number): Promise<void>
}

type Secrets = [string, ...string[]]

/**
 * The one place where adapters are chosen and wired. What is left by a run before that was cut off is put in order.
 * Throws `StartError` for what an operator can cure.
 */
export async function assemble({
  settings,
  env,
  publicUrl,
  log,
}: {
  settings: Settings
  /** The CPU sidecar's own settings are read from it. */
  env: Record<string, string | undefined>
  publicUrl: () => string
  log: Log
}): Promise<Service> {
  const dataDir = resolve(settings.DATA_DIR)
  const isEmbedded = settings.DATABASE_URL === undefined
  if (isEmbedded && settings.MODE !== 'all') {
    throw new SettingError(
      `MODE is ${settings.MODE}; it takes a DATABASE_URL too: the embedded one is for one process`,
    )
  }
  // Processes that share a database and a storage may share the folder too.
  const lock = isEmbedded ? lockDirectory(dataDir) : null
  const storage = await openStorage({ settings, dataDir })
  const { database, queue } = await openDatabase({ settings, dataDir, log })
  const { db } = database
  const changes = await openChanges(database)
  const media = ffmpegMedia()
  const outbound = guardedOutbound({ allow: settings.OUTBOUND_ALLOW ?? [] })
  if (isEmbedded) {
    const resumed = await requeue({ db, queue })
    await forgetJobs(db)
    if (resumed > 0) log(`going on with ${resumed} unfinished jobs`)
  }
  const soleOwner = isEmbedded && settings.STORAGE_URL === undefined
  const sweeper = startSweeper({
    db,
    storage,
    retentionDays: settings.RETENTION_DAYS,
    soleOwner,
    alongside: () => removeOver(db),
    log,
  })
  const metrics = prometheusMetrics({
    backlogs: () => queue.backlogs(),
    openTranscriptions: () => countOpenByStatus(db),
    hostedSecondsToday: settings.INFERENCE.includes('hosted') ? () => hostedSecondsToday(db) : null,
  })
  const engines = settings.MODE === 'api' ? null : openEngines(db, { settings, dataDir, env, log, metrics })
  const relay = engines && (await startRelay({ db, queue, listen: database.listen, log }))
  const takeover = engines && (await startTakeover({ db, queue, listen: database.listen, log }))
  const maxAudioSeconds = settings.MAX_AUDIO_SECONDS

  async function openApi(): Promise<Service['api']> {
    const secrets = await secretsFrom(settings, dataDir)
    const accessTokens = await createAccessTokens({ secrets })
    const links = createLinkSigner({ secrets })
    const transcriptions = createTranscriptionsService({ db, changes, storage, links, publicUrl })
    const names = settings.INFERENCE.map((name) => ENGINES[name])
    const uploadWebhooks = createUploadWebhooks({ outbound })
    const upload = createUpload({
      db,
      queue,
      storage,
      look: createProbe({ storage, media }),
      engines: names,
      maxAudioSeconds,
      allowance: {
        maxOpen: settings.MAX_OPEN_PER_USER,
        audioSecondsPerDay: settings.AUDIO_SECONDS_PER_DAY,
      },
      webhooks: uploadWebhooks,
    })
    const uploads = createUploadsService({
      db,
      storage,
      takeIn: upload,
      async checkFields(fields) {
        const { webhookUrl } = parseOptions(fields, names)
        if (webhookUrl !== null) await uploadWebhooks.check(webhookUrl)
      },
      maxBytes: settings.MAX_UPLOAD_BYTES,
    })
    return {
      auth: createAuthService({
        db,
        passwords: argon2id,
        registration: settings.REGISTRATION,
        accessTokens,
        signInRate: createRate({
          db,
          name: 'logins',
          perMinute: settings.LOGINS_PER_MINUTE,
          sentence: 'There were too many tries to log in or register',
        }),
        async removeFiles(gone) {
          await transcriptions.removeFiles(gone.transcriptions)
          await uploads.removeFiles(gone.uploads)
        },
      }),
      keys: createKeysService({ db }),
      gate: createGate({
        db,
        accessTokens,
        identityProvider: identityProviderOf(settings),
        requestRate: requestRateOf(db, settings),
      }),
      trustedProxies: settings.TRUSTED_PROXIES,
      admin: createAdminService({ db, requeue: createRequeue({ db, queue }) }),
      transcriptions,
      upload,
      uploads,
      outbound,
      engines: settings.INFERENCE,
      webhooks: createWebhooksService({ db, outbound }),
      swagger: await swaggerAssets(),
      maxUploadBytes: settings.MAX_UPLOAD_BYTES,
      version: packageJson.version,
    }
  }

  return {
    operations: {
      health: createHealth({ ping: database.ping, storage, queue, engines: engines ?? ELSEWHERE }),
      log,
      metrics,
      metricsToken: settings.METRICS_TOKEN,
      logsRequests: settings.LOG === 'json',
    },
    api: settings.MODE === 'worker' ? null : await openApi(),
    work: engines && {
      db,
      changes,
      queue,
      storage,
      media,
      engines,
      outbound,
      publicUrl,
      maxAudioSeconds,
      maxConcurrentPerUser: settings.MAX_CONCURRENT_PER_USER,
      log,
    },
    async stop(graceMs) {
      await relay?.stop()
      await takeover?.stop()
      await queue.stop(graceMs)
      await sweeper.stop()
      await engines?.close()
      await media.close()
      await database.close()
      lock?.release()
    },
  }
}

/** Opens the database of a service alone, for a command. Throws `StartError`. */
export async function withDatabase<T>(settings: Settings, use: (db: Database) => Promise<T>): Promise<T> {
  const url = settings.DATABASE_URL
  if (url !== undefined) {
    const database = await openPostgres({ url }).catch(refusedDatabase)
    return use(database.db).finally(database.close)
  }
  const dataDir = resolve(settings.DATA_DIR)
  const lock = lockDirectory(dataDir)
  try {
    const database = await openPglite({ dataDir: join(dataDir, 'postgres') })
    return await use(database.db).finally(database.close)
  } finally {
    lock.release()
  }
}

async function openStorage({ settings, dataDir }: { settings: Settings; dataDir: string }): Promise<Storage> {
  const { STORAGE_URL: place, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = settings
  if (!place) return diskStorage({ root: dataDir })
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new SettingError('STORAGE_URL is set; it takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY too')
  }
  const credentials = {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  }
  const scratch = join(dataDir, 'incoming')
  return s3Storage({ ...place, credentials, scratch }).catch((error) => {
    throw new StartError(`The bucket of STORAGE_URL cannot be used: ${error.message}`)
  })
}

async function openDatabase({ settings, dataDir, log }: { settings: Settings; dataDir: string; log: Log }) {
  const onError = (error: Error) => log('queue', error)
  const url = settings.DATABASE_URL
  if (url === undefined) {
    const database = await openPglite({ dataDir: join(dataDir, 'postgres') })
    return { database, queue: await pgBossQueue({ database: { client: database.client }, onError }) }
  }
  const database = await openPostgres({ url }).catch(refusedDatabase)
  return { database, queue: await pgBossQueue({ database: { url }, onError }) }
}

function refusedDatabase(error: Error): never {
  throw new StartError(`The database of DATABASE_URL cannot be opened: ${error.message}`)
}

const ELSEWHERE = {
  state: () => ({ ready: true, detail: 'Other processes transcribe (MODE=api).' }),
}

type EngineOptions = {
  settings: Settings
  dataDir: string
  env: Record<string, string | undefined>
  log: Log
}

function openEngines(
  db: Database,
  { settings, metrics, ...rest }: EngineOptions & { metrics: Metrics },
): Engines {
  const [first, ...others] = settings.INFERENCE
  const open = (name: Settings['INFERENCE'][number]) =>
    measuredEngine(name === 'hosted' ? openHosted(settings) : openSidecar({ settings, ...rest }), metrics)
  const secondsPerDay = settings.HOSTED_SECONDS_PER_DAY
  return inOrder([open(first), ...others.map(open)], {
    ...(secondsPerDay !== undefined && {
      budget: { engine: 'huggingface', secondsPerDay, used: () => hostedSecondsToday(db) },
    }),
  })
}

function openHosted(settings: Settings): Engine {
  return huggingfaceEngine({
    ...(settings.HF_TOKEN && { token: settings.HF_TOKEN }),
    ...(settings.HF_ENDPOINT_URL
      ? { endpointUrl: settings.HF_ENDPOINT_URL }
      : { model: settings.HF_MODEL, provider: settings.HF_PROVIDER }),
  })
}

function openSidecar({ settings, dataDir, env, log }: EngineOptions): Engine {
  if (settings.SIDECAR_URL) {
    const apiKey = settings.SIDECAR_API_KEY
    return sidecarEngine({ urls: settings.SIDECAR_URL, ...(apiKey && { apiKey }) })
  }
  return localSidecar({
    dir: resolve(settings.SIDECAR_DIR ?? join(dataDir, 'sidecar')),
    root: ROOT,
    ...(settings.PYTHON && { python: settings.PYTHON }),
    ...(settings.MODEL && { model: settings.MODEL }),
    env,
    report: ({ step, message }) => log(`${step}: ${message}`),
    log: (line) => log(`sidecar: ${line}`),
  })
}

/** Those that are set, or one that is made once and kept. */
async function secretsFrom({ JWT_SECRET, NODE_ENV }: Settings, dataDir: string): Promise<Secrets> {
  if (JWT_SECRET) return JWT_SECRET
  if (NODE_ENV === 'production') {
    throw new SettingError('JWT_SECRET is not set; with NODE_ENV=production it takes at least 32 characters')
  }
  const file = join(dataDir, 'jwt-secret')
  const kept = await readFile(file, 'utf8').catch(() => null)
  if (kept) return [kept]
  const made = `${file}.${crypto.randomUUID()}`
  await mkdir(dataDir, { recursive: true })
  await writeFile(made, randomBytes(32).toString('hex'), { mode: 0o600 })
  try {
    // Of processes that start at the same time one is the first, and all take its secret.
    await link(made, file).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(made)
  }
  return [await readFile(file, 'utf8')]
}

function identityProviderOf({
  AUTH_JWKS_URL: jwksUrl,
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: audience,
}: Settings): IdentityProvider | null {
  if (jwksUrl && issuer && audience) return createIdentityProvider({ jwksUrl, issuer, audience })
  if (!jwksUrl && !issuer && !audience) return null
  throw new SettingError(
    'AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE take each other: set all three, or none',
  )
}

function requestRateOf(db: Database, { REQUESTS_PER_MINUTE: perMinute }: Settings): Rate | null {
  if (perMinute === undefined) return null
  return createRate({ db, name: 'requests', perMinute, sentence: 'There were too many requests' })
}

async function swaggerAssets(): Promise<SwaggerAssets> {
  const require = createRequire(import.meta.url)
  const load = async (name: keyof SwaggerAssets, type: string) => ({
    type,
    body: new Blob([await readFile(require.resolve(`swagger-ui-dist/${name}`))]),
  })
  return {
    'swagger-ui.css': await load('swagger-ui.css', 'text/css'),
    'swagger-ui-bundle.js': await load('swagger-ui-bundle.js', 'text/javascript'),
  }
}
