import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApiServices } from '../../src/api-services.ts'
import { createApp } from '../../src/app.ts'
import { argon2id } from '../../src/auth/argon2id.ts'
import { openCallerCache } from '../../src/auth/caller-cache.ts'
import { readSettings } from '../../src/config.ts'
import type { Engine, EngineState } from '../../src/engines/engine.ts'
import { createHealth } from '../../src/health/health.ts'
import { createOperatorAccess } from '../../src/http/operator-access.ts'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { guardedOutbound } from '../../src/outbound/guarded.ts'
import { parseNetwork } from '../../src/outbound/networks.ts'
import { builtPage } from '../../src/page/built-page.ts'
import { storageSweepState } from '../../src/retention/orphans.store.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { noTraces } from '../../src/traces/traces.ts'
import type { UsageLimits } from '../../src/transcriptions/intake/usage-limits.ts'
import { countOpenByStatus } from '../../src/transcriptions/open-work.store.ts'
import { nodeHmac } from '../../src/transcriptions/reading/node-hmac.ts'
import { createSecretCipher } from '../../src/webhooks/secret-cipher.ts'
import type { TestDatabaseKind } from './databases.ts'
import { inspectOnly } from './inspect.ts'

export const SECRET = 'a secret for tests, of 32 characters or more'
export const MAX_UPLOAD_BYTES = 1_000_000

/** Longer than any test, so that only notifications can end an entry. */
const CALLER_TTL_MS = 3_600_000

/** More than any test sends. */
const UNLIMITED = 1_000_000

/** The address of the tests' own servers, and no other private address. */
const LOOPBACK = [parseNetwork('127.0.0.1')].filter((network) => network !== undefined)

export type TestService = Awaited<ReturnType<typeof startService>>

/** The whole API on its own port, without a worker: uploads stay queued. */
export async function startService({
  kind,
  registration = 'open',
  maxAudioSeconds = 3600,
  secrets = [SECRET],
  identityProvider,
  limits = {},
  corsOrigins,
  metricsToken,
  isLocal = true,
  logsRequests = false,
}: {
  kind: TestDatabaseKind
  registration?: 'first' | 'open' | 'closed'
  maxAudioSeconds?: number
  secrets?: [string, ...string[]]
  identityProvider?: { jwksUrl: string; issuer: string; audience: string }
  limits?: UsageLimits & { requestsPerMinute?: number; loginsPerMinute?: number; storageBytes?: number }
  corsOrigins?: '*' | string[]
  metricsToken?: string
  /** Whether operators need no token if `metricsToken` is unset. */
  isLocal?: boolean
  logsRequests?: boolean
}) {
  const database = await kind.open()
  const { db, changes } = database
  const stopping = new AbortController()
  const root = await mkdtemp(join(tmpdir(), 'verbatim-api-'))
  const logged: unknown[] = []
  const log = (...line: unknown[]) => logged.push(line)
  const queue = await database.openQueue((error) => log('queue', error))
  const storage = await diskStorage({ root })
  const media = ffmpegMedia()
  const engine = { state: { ready: true, detail: 'The engine is there' } }
  const health = { databaseAnswers: true }
  const outbound = guardedOutbound({ allow: LOOPBACK })
  let url = ''

  const metrics = prometheusMetrics({
    backlogs: () => queue.backlogs(),
    openTranscriptions: () => countOpenByStatus(db),
    storageSweep: () => storageSweepState(db),
    hostedSecondsToday: null,
  })

  const services = await createApiServices({
    ...{
      secrets,
      db,
      changes,
      queue,
      storage,
      outbound,
      passwords: argon2id,
      hmac: nodeHmac,
      cipher: await createSecretCipher({ secrets }),
      publicUrl: () => url,
    },
    callerCache: await openCallerCache({ listen: database.listen, ttlMs: CALLER_TTL_MS }),
    inspect: inspectOnly({ storage, media }),
    traces: noTraces,
    page: builtPage({ log: () => {} }),
    log,
    settings: {
      ...readSettings({}),
      REGISTRATION: registration,
      CORS_ORIGINS: corsOrigins,
      MAX_UPLOAD_BYTES,
      MAX_AUDIO_SECONDS: maxAudioSeconds,
      MAX_OPEN_PER_USER: limits.maxOpen,
      AUDIO_SECONDS_PER_DAY: limits.audioSecondsPerDay,
      STORAGE_BYTES_PER_USER: limits.storageBytes ?? 'unlimited',
      REQUESTS_PER_MINUTE: limits.requestsPerMinute,
      LOGINS_PER_MINUTE: limits.loginsPerMinute ?? UNLIMITED,
      TRUSTED_PROXIES: 1,
      AUTH_JWKS_URL: identityProvider?.jwksUrl,
      AUTH_ISSUER: identityProvider?.issuer,
      AUTH_AUDIENCE: identityProvider?.audience,
    },
  })

  const app = createApp({
    ...services,
    health: createHealth({
      ping: () => (health.databaseAnswers ? database.ping() : Promise.reject(new Error('no answer'))),
      storage,
      queue,
      engines: idleEngine(() => engine.state),
    }),
    stopping: stopping.signal,
    log,
    metrics,
    operatorAccess: createOperatorAccess({
      token: metricsToken,
      authenticator: services.authenticator,
      isLocal,
    }),
    traces: noTraces,
    logsRequests,
  }).listen({ port: 0, hostname: '127.0.0.1', maxRequestBodySize: Number.MAX_SAFE_INTEGER })
  url = `http://127.0.0.1:${app.server?.port}`

  return {
    url,
    database,
    db,
    storage,
    outbound,
    logged,
    metrics,
    queue,
    /** The checks of `/health/ready`; a test may change them. */
    engine,
    health,
    /** All stored files, complete or not. */
    async files(): Promise<string[]> {
      const entries = await readdir(root, { recursive: true, withFileTypes: true })
      return entries
        .filter((one) => one.isFile())
        .map((one) => join(one.parentPath, one.name))
        .sort()
    },
    async close() {
      stopping.abort()
      await app.stop(true)
      await queue.stop(0)
      await media.close()
      await database.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

function idleEngine(state: () => EngineState): Engine {
  return {
    name: 'sidecar',
    targetSpanSeconds: 30,
    maxSpanSeconds: 60,
    concurrency: 1,
    clipConcurrency: 1,
    models: () => [],
    state,
    whenReady: async () => {},
    transcribe: () => Promise.reject(new Error('nothing is transcribed here')),
    close: async () => {},
  }
}
