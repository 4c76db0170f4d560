import { readFileSync } from 'node:fs'
import type { Sql } from 'postgres'
import { cpuSeconds } from '../shared/cpu.ts'
import { childrenOf } from '../shared/processes.ts'

const SAMPLE_EVERY_MS = 200
const TICKS_PER_SECOND = 100
/** Of what the bench itself asks. */
const OWN_NAME = 'bench'

/** In the order in which a statement is looked at; what is none of them is `other`. */
const KINDS: Record<string, RegExp> = {
  'begin, commit': /^(begin|commit|rollback)/i,
  'take jobs': /for update of j skip locked/i,
  'end jobs':
    /^\s*with results as \(\s*(update pgboss\.job\w*\s+set (completed_on|state)|delete from pgboss\.job)/i,
  heartbeats: /set heartbeat_on/i,
  'make jobs': /insert into pgboss\.job/i,
  'supervise jobs': /pgboss\./i,
  'notify, listen': /pg_notify|listen/i,
  transcriptions: /^\s*(select .* from|update|insert into|delete from) "transcriptions"/is,
  spans: /^\s*(select .* from|update|insert into|delete from) "spans"/is,
  segments: /^\s*(select .* from|update|insert into|delete from) "segments"/is,
}

/** `pages`, of 8 KB, that were looked at. */
export type Kind = { calls: number; seconds: number; pages: number }
export type Statement = { query: string; calls: number; meanMs: number; pages: number }
export type Observed = {
  seconds: number
  /** Processor time of all of the database's processes. */
  cpuSeconds: number
  kinds: Record<string, Kind>
  statements: Statement[]
  /** The most that were open at a time. */
  connections: number
  /** How many were waiting, on average, and for what. */
  waits: Record<string, number>
}

export type Observer = Awaited<ReturnType<typeof openObserver>>

/** Watches a database of this machine, on a connection of the bench's own that has pg_stat_statements. */
export async function openObserver(sql: Sql) {
  await sql`create extension if not exists pg_stat_statements`
  await sql`set application_name = ${sql.unsafe(OWN_NAME)}`
  const [own] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  const server = parentOf(own?.pid ?? 0)

  /** Looks for so long. */
  return async function observe(seconds: number): Promise<Observed> {
    const waits: Record<string, number> = {}
    let connections = 0
    let looks = 0
    await sql`select pg_stat_statements_reset()`
    const cpu = await serverCpuSeconds(server)
    const began = performance.now()
    while (performance.now() - began < seconds * 1000) {
      const rows = await sql<{ waits: string | null; count: number }[]>`
        select case when state = 'active' and wait_event_type <> 'Client' then wait_event_type || ': ' || wait_event end as waits, count(*)::int
        from pg_stat_activity where backend_type = 'client backend' and application_name <> ${OWN_NAME} group by 1`
      looks += 1
      connections = Math.max(
        connections,
        rows.reduce((sum, { count }) => sum + count, 0),
      )
      for (const { waits: name, count } of rows) {
        if (name !== null) waits[name] = (waits[name] ?? 0) + count
      }
      await Bun.sleep(SAMPLE_EVERY_MS)
    }
    const took = (performance.now() - began) / 1000
    const used = (await serverCpuSeconds(server)) - cpu
    const statements = await sql<Statement[]>`
      select query, calls::int, mean_exec_time + mean_plan_time as "meanMs",
        (shared_blks_hit + shared_blks_read)::float8 / calls as pages
      from pg_stat_statements
      where query !~ 'pg_stat_' and dbid = (select oid from pg_database where datname = current_database())`
    return {
      seconds: took,
      cpuSeconds: used,
      kinds: kindsOf(statements),
      statements: [...statements].toSorted((a, b) => b.calls * b.meanMs - a.calls * a.meanMs),
      connections,
      waits: Object.fromEntries(Object.entries(waits).map(([name, count]) => [name, count / looks])),
    }
  }
}

export function kindOf(query: string): string {
  return Object.entries(KINDS).find(([, pattern]) => pattern.test(query))?.[0] ?? 'other'
}

function kindsOf(statements: Statement[]): Record<string, Kind> {
  const kinds: Record<string, Kind> = {}
  for (const { query, calls, meanMs, pages } of statements) {
    const name = kindOf(query)
    const kind = kinds[name] ?? { calls: 0, seconds: 0, pages: 0 }
    kinds[name] = {
      calls: kind.calls + calls,
      seconds: kind.seconds + (calls * meanMs) / 1000,
      pages: kind.pages + calls * pages,
    }
  }
  return kinds
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

/** Of a server's processes, those that have ended too. */
async function serverCpuSeconds(server: number): Promise<number> {
  const fields = readFileSync(`/proc/${server}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  const ended = (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
  const live = [server, ...(await childrenOf(server))].map(cpuSeconds)
  return live.filter((one) => !Number.isNaN(one)).reduce((sum, one) => sum + one, ended)
}
