import { join } from 'node:path'
import postgres from 'postgres'
import { openPostgres } from '../../src/db/postgres.ts'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import { startService } from '../../test/support/service.ts'
import type { Defer } from '../shared/cleanup.ts'
import { openServer } from '../shared/postgres.ts'
import { cpuSeconds } from '../shared/processes.ts'
import { openObserver } from './observe.ts'

const SETTINGS = [
  'shared_preload_libraries=pg_stat_statements',
  'pg_stat_statements.track_planning=on',
  'max_connections=2000',
  'shared_buffers=1GB',
  'max_wal_size=4GB',
]
const WORKERS_PER_PROCESS = 16
/** After this time, the workers have executed the statements of their start. */
const SETTLE_MS = 3_000

export type Environment = Awaited<ReturnType<typeof openEnvironment>>

/** Opens an API on a new Postgres, or on the one at `databaseUrl`. */
export async function openEnvironment(
  { databaseUrl, folder, answerMs }: { databaseUrl: string; folder: string; answerMs: number },
  defer: Defer,
) {
  const server = databaseUrl ? null : await openServer({ settings: SETTINGS })
  defer(() => server?.close())
  const url = server?.url ?? databaseUrl
  const { db, listen, close } = await openPostgres({ url })
  defer(close)
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  defer(() => sql.end())
  const queue = await pgBossQueue({ url, listen, onError: console.error })
  defer(() => queue.stop(0))
  const api = await startService({ DATA_DIR: folder, DATABASE_URL: url, MODE: 'api' })
  defer(() => api.kill('SIGTERM'))

  async function startWorkers(workers: number): Promise<Bun.Subprocess> {
    const ready = Promise.withResolvers<void>()
    const args = [workers, answerMs, folder].map(String)
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'worker.ts'), ...args], {
      env: { ...process.env, DATABASE_URL: url },
      stdout: 'inherit',
      stderr: 'inherit',
      ipc: () => ready.resolve(),
    })
    child.exited.then((code) => ready.reject(new Error(`the workers' process ended with ${code}`)))
    await ready.promise
    return child
  }

  return {
    url,
    db,
    sql,
    queue,
    api: api.url,
    observe: await openObserver(sql),
    /** Runs `use` beside this number of workers; `use` gets a function that returns their CPU seconds. */
    async withWorkers<T>(workers: number, use: (workerCpuSeconds: () => number) => Promise<T>): Promise<T> {
      const counts: number[] = []
      for (let left = workers; left > 0; left -= WORKERS_PER_PROCESS) {
        counts.push(Math.min(left, WORKERS_PER_PROCESS))
      }
      const children = await Promise.all(counts.map(startWorkers))
      try {
        await Bun.sleep(SETTLE_MS)
        return await use(() => children.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0))
      } finally {
        for (const child of children) child.kill('SIGTERM')
        await Promise.all(children.map(({ exited }) => exited))
      }
    },
  }
}
