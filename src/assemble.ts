import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { type ApiServices, createApiServices, usageLimitsIn } from './api-services.ts'
import type { OperationsServices } from './app.ts'
import { argon2id } from './auth/argon2id.ts'
import { openCallerCache } from './auth/caller-cache.ts'
import { bucketOf, isLocal, SettingError, type Settings } from './config.ts'
import { openChanges } from './db/changes.ts'
import type { Database } from './db/database.ts'
import { lockDirectory } from './db/directory-lock.ts'
import { openPglite } from './db/pglite.ts'
import { openPostgres } from './db/postgres.ts'
import type { Engine, EngineName } from './engines/engine.ts'
import { type Engines, withFailover } from './engines/failover.ts'
import { huggingfaceEngine } from './engines/huggingface/huggingface.ts'
import { localSidecar } from './engines/local-sidecar/local-sidecar.ts'
import { sidecarEngine } from './engines/sidecar/sidecar.ts'
import { StartError } from './errors.ts'
import { brieflyCached } from './health/brief-cache.ts'
import { createHealth, ELSEWHERE } from './health/health.ts'
import { createOperatorAccess } from './http/operator-access.ts'
import type { Step } from './lifecycle.ts'
import { acquireLease, deleteExpired } from './limits/counters.store.ts'
import { type Log, withoutRepeats } from './log.ts'
import { ffmpegMedia } from './media/ffmpeg/ffmpeg-media.ts'
import { measuredEngine } from './metrics/measured-engine.ts'
import type { Metrics } from './metrics/metrics.ts'
import { prometheusMetrics } from './metrics/prometheus.ts'
import { guardedOutbound } from './outbound/guarded.ts'
import { startTakeover } from './queue/outbox.ts'
import { pgBossQueue } from './queue/pg-boss.ts'
import { storageSweepState } from './retention/orphans.store.ts'
import { claimStorage } from './retention/storage-owner.ts'
import { startSweeper } from './retention/sweeper.ts'
import { diskStorage } from './storage/disk.ts'
import { openToOthers } from './storage/private-folder.ts'
import { s3Storage } from './storage/s3/s3.ts'
import type { Storage } from './storage/storage.ts'
import { tracedFetch } from './traces/traced-fetch.ts'
import { tracedLog } from './traces/traced-log.ts'
import { noTraces, type Traces } from './traces/traces.ts'
import { createAcceptAgain } from './transcriptions/intake/accept-again.ts'
import { probeInspector } from './transcriptions/intake/inspect.ts'
import { recoverJobs } from './transcriptions/pipeline/recover-jobs.ts'
import type { WorkServices } from './transcriptions/pipeline/work-services.ts'
import { nodeHmac } from './transcriptions/reading/node-hmac.ts'
import { hostedSecondsToday } from './transcriptions/spans.store.ts'
import { countOpenByStatus } from './transcriptions/transcriptions.store.ts'
import type { DeliverServices } from './webhooks/deliver.ts'
import { forgetJobs } from './webhooks/deliveries.store.ts'
import { startReencryption } from './webhooks/reencryption.ts'
import { startRelay } from './webhooks/relay.ts'
import { createSecretCipher } from './webhooks/secret-cipher.ts'
import { createUploadWebhooks } from './webhooks/upload-webhooks.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** A worker's statements are short, and minutes of audio apart. */
const CONNECTIONS = { all: 10, api: 10, worker: 3 }
/** Less than an hour, so that one process of all looks through the storage every hour. */
const SWEEP_TURN_SECONDS = 3_000

export type Service = {
  operations: OperationsServices
  /** Null in a process that only works. */
  api: ApiServices | null
  /** Null in a process that only serves the API. */
  work: (WorkServices & DeliverServices) | null
}

type Secrets = [string, ...string[]]

/**
 * The only place where adapters are chosen and wired, each in a step of the start: the steps are closed in reverse order.
 * Jobs that an interrupted run left behind are enqueued again. Throws `StartError` for a problem that an operator can fix.
 */
export async function assemble({
  settings,
  env,
  publicUrl,
  log: plainLog,
  step,
}: {
  settings: Settings
  /** The CPU sidecar's own settings are read from it. */
  env: Record<string, string | undefined>
  publicUrl: () => string
  log: Log
  step: Step
}): Promise<Service> {
  const dataDir = resolve(settings.DATA_DIR)
  const isEmbedded = settings.DATABASE_URL === undefined
  if (isEmbedded && settings.MODE !== 'all') {
    throw new SettingError(
      `MODE is ${settings.MODE}; it takes a DATABASE_URL too: the embedded one is for one process`,
    )
  }
  const traces = await step(
    'traces',
    () => openTraces(settings, plainLog),
    (traces) => traces.close(),
  )
  const log = settings.LOG === 'json' ? tracedLog(plainLog, traces) : plainLog
  if (isEmbedded) {
    // Processes that share a database and a storage may share the folder too.
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
  const { db, listen, connection } = database
  await step('storage owner', () => claimStorage({ db, storage, mayBeOlder: isEmbedded, log }))
  const logQueue = withoutRepeats(log)
  const queue = await step(
    'queue',
    () => pgBossQueue({ database: connection, listen, onError: (error) => logQueue('queue', error) }),
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
  if (isEmbedded) {
    const resumed = await step('unfinished jobs', () => recoverJobs({ db, queue }))
    await forgetJobs(db)
    if (resumed > 0) log(`going on with ${resumed} unfinished jobs`)
  }
  const secrets = await secretsFrom(settings, dataDir)
  const cipher = await createSecretCipher({ secrets })
  const { provide: provideWebhook } = createUploadWebhooks({ outbound, cipher })
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
        acceptAgain: createAcceptAgain({ db, queue, storage, provideWebhook }),
        soleOwner,
        ...(!soleOwner && { isTurn: () => acquireLease(db, { key: 'sweep', seconds: SWEEP_TURN_SECONDS }) }),
        alongside: () => deleteExpired(db),
        log,
      }),
    (sweeper) => sweeper.stop(),
  )
  const metrics = prometheusMetrics({
    backlogs: () => queue.backlogs(),
    openTranscriptions: () => countOpenByStatus(db),
    storageSweep: () => storageSweepState(db),
    hostedSecondsToday: settings.INFERENCE.includes('hosted') ? () => hostedSecondsToday(db) : null,
  })
  const engines =
    settings.MODE === 'api'
      ? null
      : await step(
          'engines',
          () => openEngines(db, { settings, dataDir, env, log, metrics, traces }),
          (engines) => engines.close(),
        )
  // A secret that this process has made is not known to an API on another machine.
  const isSharedSecret = settings.JWT_SECRET !== undefined || settings.MODE === 'all'
  if (engines) {
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
  }
  if (engines && isSharedSecret) {
    await step(
      'webhook secrets',
      () => startReencryption({ db, cipher, log }),
      (reencryption) => reencryption.stop(),
    )
  }

  async function openApi(): Promise<ApiServices> {
    return createApiServices({
      ...{ settings, secrets, cipher, publicUrl, db, changes, queue, storage, outbound },
      callerCache: await openCallerCache(database),
      inspect: probeInspector({ storage, media }),
      passwords: argon2id,
      hmac: nodeHmac,
      traces,
      log,
    })
  }

  const api = settings.MODE === 'worker' ? null : await step('api', openApi)
  const health = createHealth({ ping: database.ping, storage, queue, engines: engines ?? ELSEWHERE })

  return {
    operations: {
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
    },
    api,
    work: engines && {
      db,
      changes,
      queue,
      storage,
      media,
      engines,
      outbound,
      cipher,
      publicUrl,
      maxAudioSeconds: settings.MAX_AUDIO_SECONDS,
      usageLimits: usageLimitsIn(settings),
      decodeAheadSeconds: settings.DECODE_AHEAD_SECONDS,
      maxConcurrentPerUser: settings.MAX_CONCURRENT_PER_USER,
      traces,
      log,
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
  const bucket = bucketOf(settings)
  if (!bucket) return diskStorage({ root: dataDir, uploadReserveBytes: settings.STORAGE_FREE_MIN_BYTES })
  const scratch = join(dataDir, 'incoming')
  return s3Storage({ ...bucket, scratch }).catch((error) => {
    const { message } = error.cause instanceof Error ? error.cause : error
    throw new StartError(`The bucket of STORAGE_URL cannot be used: ${message}`)
  })
}

/** `connection`: what the queue opens its own connections to. */
async function openDatabase({ settings, dataDir }: { settings: Settings; dataDir: string }) {
  const url = settings.DATABASE_URL
  if (url === undefined) {
    const database = await openPglite({ dataDir: join(dataDir, 'postgres') })
    return { ...database, connection: { client: database.client } }
  }
  const connections = settings.DATABASE_CONNECTIONS ?? CONNECTIONS[settings.MODE]
  const database = await openPostgres({ url, connections }).catch(refusedDatabase)
  return { ...database, connection: { url } }
}

function refusedDatabase(error: Error): never {
  throw new StartError(`The database of DATABASE_URL cannot be opened: ${error.message}`)
}

type EngineOptions = {
  settings: Settings
  dataDir: string
  env: Record<string, string | undefined>
  traces: Traces
  log: Log
}

function openEngines(
  db: Database,
  { settings, metrics, ...rest }: EngineOptions & { metrics: Metrics },
): Engines {
  const [first, ...others] = settings.INFERENCE
  const open = (name: Settings['INFERENCE'][number]) =>
    measuredEngine(
      name === 'hosted' ? openHosted(settings, rest.traces) : openSidecar({ settings, ...rest }),
      metrics,
    )
  const secondsPerDay = settings.HOSTED_SECONDS_PER_DAY
  return withFailover([open(first), ...others.map(open)], {
    ...(secondsPerDay !== undefined && {
      budget: { engine: 'huggingface', secondsPerDay, used: () => hostedSecondsToday(db) },
    }),
  })
}

function openHosted(settings: Settings, traces: Traces): Engine {
  return huggingfaceEngine({
    ...goingOut(traces, { engine: 'huggingface', isOwn: false }),
    ...(settings.HF_TOKEN && { token: settings.HF_TOKEN }),
    ...(settings.HF_ENDPOINT_URL
      ? { endpointUrl: settings.HF_ENDPOINT_URL }
      : { model: settings.HF_MODEL, provider: settings.HF_PROVIDER }),
  })
}

/** How an engine's requests go out, where that is not as ever. */
function goingOut(traces: Traces, engine: { engine: EngineName; isOwn: boolean }) {
  return traces === noTraces ? {} : { fetch: tracedFetch({ traces, ...engine }) }
}

function openSidecar({ settings, dataDir, env, traces, log }: EngineOptions): Engine {
  const out = goingOut(traces, { engine: 'sidecar', isOwn: true })
  if (settings.SIDECAR_URL) {
    const apiKey = settings.SIDECAR_API_KEY
    return sidecarEngine({ urls: settings.SIDECAR_URL, ...(apiKey && { apiKey }), ...out })
  }
  return localSidecar({
    dir: resolve(settings.SIDECAR_DIR ?? join(dataDir, 'sidecar')),
    root: ROOT,
    ...(settings.PYTHON && { python: settings.PYTHON }),
    ...(settings.MODEL && { model: settings.MODEL }),
    env,
    report: ({ step, message }) => log(`${step}: ${message}`),
    log: (line) => log(`sidecar: ${line}`),
    ...out,
  })
}

/** What makes them is loaded only where it is asked for. */
async function openTraces(settings: Settings, log: Log): Promise<Traces> {
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT
  if (endpoint === undefined) return noTraces
  const { openTelemetry } = await import('./traces/opentelemetry.ts')
  return openTelemetry({
    endpoint,
    headers: settings.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    attributes: {
      'service.name': settings.OTEL_SERVICE_NAME,
      'service.version': packageJson.version,
      'service.instance.id': crypto.randomUUID(),
      'verbatim.mode': settings.MODE,
    },
    sampling: { ...settings.OTEL_TRACES_SAMPLER, share: settings.OTEL_TRACES_SAMPLER_ARG },
    log,
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
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
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
