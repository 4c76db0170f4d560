import { readFileSync } from 'node:fs'
import type { Sql } from 'postgres'
import { childrenOf, cpuSeconds, endedChildrenCpuSeconds } from '../shared/processes.ts'

const SAMPLE_EVERY_MS = 200
/** The application name of the bench's own connection, which is not counted. */
const OWN_NAME = 'bench'

/** `pages`: pages of 8 KB that one call reads, from memory or from disk. */
export type Statement = { query: string; calls: number; meanMs: number; pages: number }
export type Observed = {
  seconds: number
  /** CPU time of all Postgres processes. */
  cpuSeconds: number
  /** Sorted by total time, longest first. */
  statements: Statement[]
  calls: number
  /** The maximum number of open connections. */
  connections: number
}

/** Observes a Postgres server on this machine that has pg_stat_statements. */
export async function openObserver(sql: Sql) {
  await sql`create extension if not exists pg_stat_statements`
  await sql`set application_name = ${sql.unsafe(OWN_NAME)}`
  const [own] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  const server = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${own?.pid}/status`, 'utf8'))?.[1])

  async function serverCpuSeconds(): Promise<number> {
    const live = [server, ...(await childrenOf(server))].map(cpuSeconds)
    return live.reduce((sum, seconds) => sum + (seconds || 0), endedChildrenCpuSeconds(server))
  }

  return async function observe(seconds: number): Promise<Observed> {
    let connections = 0
    await sql`select pg_stat_statements_reset()`
    const cpuBefore = await serverCpuSeconds()
    const start = performance.now()
    while (performance.now() - start < seconds * 1000) {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int from pg_stat_activity
        where backend_type = 'client backend' and application_name <> ${OWN_NAME}`
      connections = Math.max(connections, row?.count ?? 0)
      await Bun.sleep(SAMPLE_EVERY_MS)
    }
    const measuredSeconds = (performance.now() - start) / 1000
    const cpuAfter = await serverCpuSeconds()
    const statements = await sql<Statement[]>`
      select query, calls::int, mean_exec_time + mean_plan_time as "meanMs",
        (shared_blks_hit + shared_blks_read)::float8 / calls as pages
      from pg_stat_statements
      where query !~ 'pg_stat_' and dbid = (select oid from pg_database where datname = current_database())`
    return {
      seconds: measuredSeconds,
      cpuSeconds: cpuAfter - cpuBefore,
      statements: [...statements].toSorted((a, b) => b.calls * b.meanMs - a.calls * a.meanMs),
      calls: statements.reduce((sum, { calls }) => sum + calls, 0),
      connections,
    }
  }
}
