import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdminService } from '../../src/admin/admin.service.ts'
import { createApp } from '../../src/app.ts'
import { argon2id } from '../../src/auth/argon2id.ts'
import { createAuthService } from '../../src/auth/auth.service.ts'
import { createGate } from '../../src/auth/gate.ts'
import type { IdentityProvider } from '../../src/auth/identity-provider.ts'
import { createKeysService } from '../../src/auth/keys.service.ts'
import type { Engine, EngineState } from '../../src/engines/engine.ts'
import { createHealth } from '../../src/health/health.ts'
import { createAccessTokens } from '../../src/http/access-tokens.ts'
import { createRate } from '../../src/limits/rate.ts'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { guardedOutbound } from '../../src/outbound/guarded.ts'
import { parseNetwork } from '../../src/outbound/networks.ts'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import type { Allowance } from '../../src/transcriptions/allowance.ts'
import { createLinkSigner } from '../../src/transcriptions/links.ts'
import { createProbe } from '../../src/transcriptions/look.ts'
import { parseOptions } from '../../src/transcriptions/options.ts'
import { createRequeue } from '../../src/transcriptions/requeue.ts'
import { createTranscriptionsService } from '../../src/transcriptions/transcriptions.service.ts'
import { countOpenByStatus } from '../../src/transcriptions/transcriptions.store.ts'
import { createUpload } from '../../src/transcriptions/upload.ts'
import { createUploadsService } from '../../src/uploads/uploads.service.ts'
import { createUploadWebhooks } from '../../src/webhooks/upload-webhooks.ts'
import { createWebhooksService } from '../../src/webhooks/webhooks.service.ts'
import type { TestDatabaseKind } from '../databases.ts'

export const SECRET = 'a secret for tests, of 32 characters or more'
export const MAX_UPLOAD_BYTES = 1_000_000

/** Where the tests' own servers are, and nothing else that is private. */
const LOOPBACK = [parseNetwork('127.0.0.1')].filter((network) => network !== undefined)

export type TestService = Awaited<ReturnType<typeof startService>>

/** The whole API on a port of its own, without a worker: what is uploaded stays queued. */
export async function startService({
  kind,
  registration = 'open',
  maxAudioSeconds = 3600,
  secrets = [SECRET],
  identityProvider = null,
  limits = {},
  metricsToken,
  logsRequests = false,
}: {
  kind: TestDatabaseKind
  registration?: 'open' | 'closed'
  maxAudioSeconds?: number
  secrets?: [string, ...string[]]
  identityProvider?: IdentityProvider | null
  limits?: Allowance & { requestsPerMinute?: number; loginsPerMinute?: number }
  metricsToken?: string
  logsRequests?: boolean
}) {
  const database = await kind.open()
  const { db, changes } = database
  const stopping = new AbortController()
  const root = await mkdtemp(join(tmpdir(), 'verbatim-api-'))
  const logged: unknown[] = []
  const log = (...line: unknown[]) => logged.push(line)
  const queue = await pgBossQueue({
    database: database.connection,
    onError: (error) => log('queue', error),
  })
  const storage = await diskStorage({ root })
  const media = ffmpegMedia()
  const engine = { state: { ready: true, detail: 'The engine is there' } }
  const health = { databaseAnswers: true }
  const accessTokens = await createAccessTokens({ secrets })
  const links = createLinkSigner({ secrets })
  const outbound = guardedOutbound({ allow: LOOPBACK })
  const uploadWebhooks = createUploadWebhooks({ outbound })
  const upload = createUpload({
    db,
    queue,
    storage,
    look: createProbe({ storage, media }),
    engines: ['sidecar'],
    maxAudioSeconds,
    allowance: limits,
    webhooks: uploadWebhooks,
  })
  const uploads = createUploadsService({
    db,
    storage,
    takeIn: upload,
    async checkFields(fields) {
      const { webhookUrl } = parseOptions(fields, ['sidecar'])
      if (webhookUrl !== null) await uploadWebhooks.check(webhookUrl)
    },
    maxBytes: MAX_UPLOAD_BYTES,
  })
  const rate = (name: string, perMinute: number | undefined) =>
    perMinute === undefined ? null : createRate({ db, name, perMinute, sentence: 'There were too many' })
  let url = ''
  const transcriptions = createTranscriptionsService({ db, changes, storage, links, publicUrl: () => url })

  const metrics = prometheusMetrics({
    backlogs: () => queue.backlogs(),
    openTranscriptions: () => countOpenByStatus(db),
    hostedSecondsToday: null,
  })

  const app = createApp({
    auth: createAuthService({
      db,
      passwords: argon2id,
      registration,
      accessTokens,
      signInRate: rate('logins', limits.loginsPerMinute),
      async removeFiles(gone) {
        await transcriptions.removeFiles(gone.transcriptions)
        await uploads.removeFiles(gone.uploads)
      },
    }),
    keys: createKeysService({ db }),
    gate: createGate({
      db,
      accessTokens,
      identityProvider,
      requestRate: rate('requests', limits.requestsPerMinute),
    }),
    trustedProxies: 1,
    admin: createAdminService({ db, requeue: createRequeue({ db, queue }) }),
    transcriptions,
    upload,
    uploads,
    outbound,
    engines: ['sidecar'],
    webhooks: createWebhooksService({ db, outbound }),
    health: createHealth({
      ping: () => (health.databaseAnswers ? database.ping() : Promise.reject(new Error('no answer'))),
      storage,
      queue,
      engines: idleEngine(() => engine.state),
    }),
    swagger: {
      'swagger-ui.css': await asset('swagger-ui.css', 'text/css'),
      'swagger-ui-bundle.js': await asset('swagger-ui-bundle.js', 'text/javascript'),
    },
    maxUploadBytes: MAX_UPLOAD_BYTES,
    stopping: stopping.signal,
    version: '0.0.0',
    log,
    metrics,
    metricsToken,
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
    /** What `/health/ready` is told; a test may change it. */
    engine,
    health,
    /** Every file that is stored, and what lies beside them half written. */
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
    state,
    whenReady: async () => {},
    transcribe: () => Promise.reject(new Error('nothing is transcribed here')),
    close: async () => {},
  }
}

async function asset(name: string, type: string) {
  const file = createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`)
  return { type, body: new Blob([await readFile(file)]) }
}
