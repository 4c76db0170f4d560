import postgres from 'postgres'
import { realSidecar } from '../../test/engines/installed-sidecar.ts'
import { signUp } from '../../test/support/client.ts'
import { type RunningService, startService } from '../../test/support/service.ts'
import type { Defer } from '../shared/cleanup.ts'
import { openServer } from '../shared/postgres.ts'
import { cpuSeconds, endedChildrenCpuSeconds } from '../shared/processes.ts'
import type { Clip } from './clips.ts'

export type DatabaseName = 'embedded' | 'postgres'

/** A statement of the service, and how often it was sent. */
type Statement = { query: string; calls: number }

/** What all processes have used since they started. */
type Used = { service: number; postgres: number; sidecar: number; windows: number; batches: number }

export type Measured = {
  seconds: number
  /** CPU seconds of each process; `service` is the API and the worker together. */
  cpu: { service: number; postgres: number; sidecar: number }
  /** Mean number of windows in a decoded batch. */
  meanBatch: number
  /** The statements that Postgres executed; null with the embedded database. */
  statements: Statement[] | null
}

export type Deployment = Awaited<ReturnType<typeof openDeployment>>

/**
 * Starts a sidecar and the service: one process on the embedded database, or an API and a worker on a new
 * Postgres.
 */
export async function openDeployment(
  { database, folder, quality }: { database: DatabaseName; folder: string; quality: string },
  defer: Defer,
) {
  const sidecar = await realSidecar()
  defer(() => sidecar.stop())
  const sidecarUrl = `http://127.0.0.1:${await sidecar.ready}`
  const server = database === 'postgres' ? await openStatistics(defer) : null
  const shared = { DATA_DIR: folder, SIDECAR_URL: sidecarUrl }
  const modes = server ? ['api', 'worker'] : ['all']
  const services: RunningService[] = []
  for (const MODE of modes) {
    const service = await startService({ ...shared, MODE, ...(server && { DATABASE_URL: server.url }) })
    defer(() => service.kill('SIGTERM'))
    services.push(service)
  }
  const url = services[0]?.url ?? ''
  while (!(await fetch(`${url}/health/ready`)).ok) await Bun.sleep(100)
  const user = await signUp(url)

  async function used(): Promise<Used> {
    const metrics = await (await fetch(`${sidecarUrl}/metrics`)).text()
    return {
      service: services.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
      postgres: server ? await server.cpuSeconds() : 0,
      sidecar: cpuSeconds(sidecar.pid),
      windows: metricIn(metrics, 'tgi_batch_next_size_sum'),
      batches: metricIn(metrics, 'tgi_batch_next_size_count'),
    }
  }

  return {
    sidecarUrl,

    /** Runs `work`, and measures what all processes use meanwhile. */
    async measure(work: () => Promise<unknown>): Promise<Measured> {
      await server?.resetStatements()
      const before = await used()
      const start = performance.now()
      await work()
      const seconds = (performance.now() - start) / 1000
      const after = await used()
      const difference = (name: keyof Used) => after[name] - before[name]
      return {
        seconds,
        cpu: {
          service: difference('service'),
          postgres: difference('postgres'),
          sidecar: difference('sidecar'),
        },
        meanBatch: difference('windows') / difference('batches'),
        statements: (await server?.statements()) ?? null,
      }
    },

    upload: ({ audio, language }: Pick<Clip, 'audio' | 'language'>) =>
      user.upload(audio, { language, quality }),

    status: (id: string) => user.status(id),

    async remove(id: string): Promise<void> {
      const { headers } = user
      await fetch(`${url}/api/transcriptions/${id}`, { method: 'DELETE', headers })
    },

    /** Waits for the end with `Prefer: wait`, which needs no polling. */
    async completed(id: string): Promise<void> {
      for (;;) {
        const headers = { ...user.headers, Prefer: 'wait=55' }
        const { status } = await (await fetch(`${url}/api/transcriptions/${id}/`, { headers })).json()
        if (status === 'completed') return
        if (status !== 'queued' && status !== 'processing') throw new Error(`a clip ended as ${status}`)
      }
    },
  }
}

/** A Postgres that counts its statements. */
async function openStatistics(defer: Defer) {
  const server = await openServer({
    settings: ['shared_preload_libraries=pg_stat_statements', 'pg_stat_statements.max=10000'],
  })
  defer(() => server.close())
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  defer(() => sql.end())
  await sql`create extension pg_stat_statements`
  return {
    url: server.url,
    async cpuSeconds() {
      const pids = await server.pids()
      const [main] = pids
      return pids.map(cpuSeconds).reduce((sum, seconds) => sum + seconds, endedChildrenCpuSeconds(main ?? 0))
    },
    async resetStatements() {
      await sql`select pg_stat_statements_reset()`
    },
    async statements() {
      return sql<Statement[]>`
        select query, calls::float8 as calls from pg_stat_statements
        where query !~ 'pg_stat_statements| FROM ONLY ' order by calls desc`
    },
  }
}

function metricIn(text: string, name: string): number {
  const line = text.split('\n').find((line) => line.startsWith(`${name} `))
  if (!line) throw new Error(`the sidecar has no metric ${name}`)
  return Number(line.split(' ').at(-1))
}
