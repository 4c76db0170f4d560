import { join, resolve } from 'node:path'
import { type ApiServices, createApiServices } from './api-services.ts'
import type { OperationsServices } from './app.ts'
import { argon2id } from './auth/argon2id.ts'
import { openCallerCache } from './auth/caller-cache.ts'
import { readOrCreateSecret } from './auth/secret-file.ts'
import { bucketOf, isLocal, SettingError, type Settings } from './config.ts'
import { openChanges } from './db/changes.ts'
import type { Database } from './db/database.ts'
import { lockDirectory } from './db/directory-lock.ts'
import type { Engines } from './engines/failover.ts'
import { StartError } from './errors.ts'
import { brieflyCached } from './health/brief-cache.ts'
import { createHealth, ELSEWHERE } from './health/health.ts'
import { createOperatorAccess } from './http/operator-access.ts'
import type { Step } from './lifecycle.ts'
import { acquireLease, deleteExpired } from './limits/counters.store.ts'
import { type Log, withoutRepeats } from './log.ts'
import { ffmpegMedia } from './media/ffmpeg/ffmpeg-media.ts'
import type { Metrics } from './metrics/metrics.ts'
import { prometheusMetrics } from './metrics/prometheus.ts'
import { openDatabase } from './open-database.ts'
import { openEngines } from './open-engines.ts'
import { openQueue } from './open-queue.ts'
import { openTraces } from './open-traces.ts'
import { guardedOutbound } from './outbound/guarded.ts'
import { builtPage } from './page/built-page.ts'
import { startTakeover } from './queue/outbox.ts'
import type { Queue } from './queue/queue.ts'
import { storageSweepState } from './retention/orphans.store.ts'
import { claimStorage } from './retention/storage-owner.ts'
import { startSweeper } from './retention/sweeper.ts'
import { diskStorage } from './storage/disk.ts'
import { openToOthers } from './storage/private-folder.ts'
import { s3Storage } from './storage/s3/s3.ts'
import type { Storage } from './storage/storage.ts'
import { tracedLog } from './traces/traced-log.ts'
import { createAcceptAgain } from './transcriptions/intake/accept-again.ts'
import { probeInspector } from './transcriptions/intake/inspect.ts'
import { startModelReports } from './transcriptions/models/report-models.ts'
import { countOpenByStatus } from './transcriptions/open-work.store.ts'
import { recoverJobs } from './transcriptions/pipeline/recover-jobs.ts'
import type { WorkServices } from './transcriptions/pipeline/work-services.ts'
import { nodeHmac } from './transcriptions/reading/node-hmac.ts'
import { secondsToday } from './transcriptions/span-statistics.store.ts'
import type { DeliverServices } from './webhooks/deliver.ts'
import { clearJobs } from './webhooks/deliveries.store.ts'
import { startReencryption } from './webhooks/reencryption.ts'
import { startRelay } from './webhooks/relay.ts'
import { createSecretCipher, type SecretCipher } from './webhooks/secret-cipher.ts'
import { createUploadWebhooks } from './webhooks/upload-webhooks.ts'

/** Less than an hour, so that each hourly sweep of the storage is done by exactly one process. */
const SWEEP_LEASE_SECONDS = 3_000

export type Service = {
  operations: OperationsServices
  /** Null in a worker. */
  api: ApiServices | null
  /** Null with MODE=api. */
  work: (WorkServices & DeliverServices) | null
}

type AssembleOptions = {
  settings: Settings
  /** The local sidecar reads its own settings from it. */
  env: Record<string, string | undefined>
  publicUrl: () => string
  log: Log
  step: Step
}

/**
 * Chooses the adapters and builds the services, each in a step of the start: the steps are closed in reverse
 * order. With the embedded database, the jobs of an interrupted run are enqueued again. Throws `StartError`
 * for a problem that an operator can fix.
 */
export async function assemble(options: AssembleOptions): Promise<Service> {
  const { settings, env, publicUrl, step } = options
  const base = await openBase(options)
  const { dataDir, isEmbedded, traces, log, storage, database, queue, changes, media, outbound } = base
  const { db } = database
  if (isEmbedded) {
    const recovered = await step('unfinished jobs', () => recoverJobs({ db, queue }))
    await clearJobs(db)
    if (recovered > 0) log(`resuming ${recovered} unfinished jobs`)
  }
  const secrets = await secretsOf(settings, dataDir)
  const cipher = await createSecretCipher({ secrets })
  const { provide: provideWebhook } = createUploadWebhooks({ outbound, cipher })
  await startSweeping({
    ...base,
    settings,
    acceptAgain: createAcceptAgain({ db, queue, storage, provideWebhook }),
    step,
  })
  const metrics = openMetrics(settings, { db, queue })
  const engines =
    settings.MODE === 'api'
      ? null
      : await step(
          'engines',
          () => openEngines({ db, settings, dataDir, env, log, metrics, traces }),
          (engines) => engines.close(),
        )
  if (engines) {
    await startRelays({ ...base, cipher, settings, step })
    await step(
      'model reports',
      () => startModelReports({ db, engines, log }),
      (reports) => reports.stop(),
    )
  }

  async function openApi(): Promise<ApiServices> {
    return createApiServices({
      settings,
      secrets,
      cipher,
      publicUrl,
      db,
      changes,
      queue,
      storage,
      outbound,
      callerCache: await openCallerCache(database),
      inspect: probeInspector({ storage, media }),
      passwords: argon2id,
      hmac: nodeHmac,
      traces,
      page: builtPage({ log }),
      log,
    })
  }

  const api = settings.MODE === 'worker' ? null : await step('api', openApi)

  return {
    operations: operationsOf({ ...base, settings, engines, api, metrics }),
    api,
    work: engines && {
      db,
      changes,
      queue,
      storage,
      media,
      engines,
      defaultModel: settings.DEFAULT_MODEL,
      verifyModel: settings.VERIFY_MODEL,
      outbound,
      cipher,
      publicUrl,
      maxAudioSeconds: settings.MAX_AUDIO_SECONDS,
      audioSecondsPerDay: settings.AUDIO_SECONDS_PER_DAY,
      decodeAheadSeconds: settings.DECODE_AHEAD_SECONDS,
      maxConcurrentPerUser: settings.MAX_CONCURRENT_PER_USER,
      traces,
      log,
    },
  }
}

type Base = Awaited<ReturnType<typeof openBase>>

/** Opens what every mode needs. */
async function openBase({ settings, log: plainLog, step }: AssembleOptions) {
  const dataDir = resolve(settings.DATA_DIR)
  const isEmbedded = settings.DATABASE_URL === undefined
  if (isEmbedded && settings.MODE !== 'all') {
    throw new SettingError(
      `MODE is ${settings.MODE}; it needs DATABASE_URL: the embedded database serves one process only`,
    )
  }
  const traces = await step(
    'traces',
    () => openTraces(settings, plainLog),
    (traces) => traces.close(),
  )
  const log = settings.LOG === 'json' ? tracedLog(plainLog, traces) : plainLog
  if (isEmbedded) {
    // Processes that share a Postgres and a storage may share the folder too.
    await step(
      'data directory',
      () => lockDirectory(dataDir),
      (lock) => lock.release(),
    )
  }
  const storage = await step('storage', () => openStorage({ settings, dataDir }))
  const database = await step(
    'database',
    () => openDatabase({ settings, dataDir }),
    (database) => database.close(),
  )
  for (const folder of await openToOthers(dataDir, ['files', 'incoming', 'postgres'])) {
    log(`${folder} is open to other users of this machine: run \`chmod -R go-rwx\` on it as its owner`)
  }
  const { db, listen } = database
  await step('storage owner', () => claimStorage({ db, storage, mayBeOlder: isEmbedded, log }))
  const logQueue = withoutRepeats(log)
  const queue = await step(
    'queue',
    () =>
      openQueue({
        url: settings.DATABASE_URL,
        supervises: settings.MODE !== 'api',
        listen,
        onError: (error) => logQueue('queue', error),
      }),
    (queue) => queue.stop(0),
  )
  const changes = await openChanges(database)
  const media = await step(
    'media',
    () => ffmpegMedia(),
    (media) => media.close(),
  )
  const outbound = guardedOutbound({
    allow: settings.OUTBOUND_ALLOW ?? [],
    nat64: settings.NAT64_PREFIX ?? null,
  })
  return { dataDir, isEmbedded, traces, log, storage, database, queue, changes, media, outbound }
}

async function startSweeping({
  settings,
  isEmbedded,
  storage,
  database: { db },
  acceptAgain,
  log,
  step,
}: Pick<Base, 'isEmbedded' | 'storage' | 'database' | 'log'> & {
  settings: Settings
  acceptAgain: ReturnType<typeof createAcceptAgain>
  step: Step
}) {
  const soleOwner = isEmbedded && settings.STORAGE_URL === undefined
  await step(
    'sweeper',
    () =>
      startSweeper({
        db,
        storage,
        retentionDays: settings.RETENTION_DAYS,
        orphanDays: settings.ORPHAN_DAYS,
        maxOrphans: settings.MAX_ORPHANS,
        acceptAgain,
        soleOwner,
        ...(!soleOwner && {
          holdsScanLease: () => acquireLease(db, { key: 'sweep', seconds: SWEEP_LEASE_SECONDS }),
        }),
        alongside: () => deleteExpired(db),
        log,
      }),
    (sweeper) => sweeper.stop(),
  )
}

function openMetrics(settings: Settings, { db, queue }: { db: Database; queue: Queue }): Metrics {
  return prometheusMetrics({
    backlogs: () => queue.backlogs(),
    openTranscriptions: () => countOpenByStatus(db),
    storageSweep: () => storageSweepState(db),
    hostedSecondsToday: settings.INFERENCE.includes('hosted') ? () => secondsToday(db, 'huggingface') : null,
  })
}

function operationsOf({
  settings,
  database,
  storage,
  queue,
  engines,
  api,
  metrics,
  traces,
  log,
}: Base & {
  settings: Settings
  engines: Engines | null
  api: ApiServices | null
  metrics: Metrics
}): OperationsServices {
  const health = createHealth({ ping: database.ping, storage, queue, engines: engines ?? ELSEWHERE })
  return {
    health: brieflyCached(health, { sharesReads: true }),
    log,
    metrics,
    operatorAccess: createOperatorAccess({
      token: settings.METRICS_TOKEN,
      authenticator: api?.authenticator ?? null,
      isLocal: isLocal(settings),
    }),
    traces,
    logsRequests: settings.LOG === 'json',
  }
}

/** Starts the poll loops that move rows into the queue, and the re-encryption of webhook secrets. */
async function startRelays({
  settings,
  database: { db, listen },
  queue,
  cipher,
  log,
  step,
}: {
  settings: Settings
  database: { db: Database; listen: Base['database']['listen'] }
  queue: Queue
  cipher: SecretCipher
  log: Log
  step: Step
}) {
  await step(
    'webhook relay',
    () => startRelay({ db, queue, listen, log }),
    (relay) => relay.stop(),
  )
  await step(
    'outbox',
    () => startTakeover({ db, queue, listen, log }),
    (takeover) => takeover.stop(),
  )
  // A worker with a secret of its own must not encrypt: the API on another machine does not know that secret.
  if (settings.JWT_SECRET === undefined && settings.MODE !== 'all') return
  await step(
    'webhook secrets',
    () => startReencryption({ db, cipher, log }),
    (reencryption) => reencryption.stop(),
  )
}

async function openStorage({ settings, dataDir }: { settings: Settings; dataDir: string }): Promise<Storage> {
  const bucket = bucketOf(settings)
  if (!bucket) return diskStorage({ root: dataDir, uploadReserveBytes: settings.STORAGE_FREE_MIN_BYTES })
  const scratch = join(dataDir, 'incoming')
  return s3Storage({ ...bucket, scratch }).catch((error) => {
    const { message } = error.cause instanceof Error ? error.cause : error
    throw new StartError(`The bucket of STORAGE_URL cannot be used: ${message}`)
  })
}

async function secretsOf(
  { JWT_SECRET, NODE_ENV }: Settings,
  dataDir: string,
): Promise<[string, ...string[]]> {
  if (JWT_SECRET) return JWT_SECRET
  if (NODE_ENV === 'production') {
    throw new SettingError('JWT_SECRET is not set; with NODE_ENV=production it takes at least 32 characters')
  }
  return [await readOrCreateSecret(dataDir)]
}
