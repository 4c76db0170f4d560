import { join } from 'node:path'
import { cpuSeconds } from '../shared/cpu.ts'
import type { Load, Loaded } from './protocol.ts'

/** Of one turn. Processor time is in microseconds an answer; `databaseCpu` is that of Postgres with all its processes. */
export type Measured = Pick<Loaded, 'percentiles'> & {
  perSecond: number
  serverCpu: number
  databaseCpu: number
  clientCpu: number
}

const WARM_SHARE = 0.25

/** Asks a server for a while to warm it, and then for `load.seconds` in which it is measured. */
export async function measure({
  load,
  serverPid,
  databasePids,
  signal,
}: {
  load: Load
  serverPid: number
  databasePids: () => Promise<number[]>
  signal: AbortSignal
}): Promise<Measured> {
  await ask({ ...load, seconds: load.seconds * WARM_SHARE }, signal)
  const pids = await databasePids()
  const cpu = () => ({ server: cpuSeconds(serverPid), database: pids.map(cpuSeconds) })
  const before = cpu()
  const { answers, seconds, percentiles, cpuSeconds: client } = await ask(load, signal)
  const after = cpu()
  const each = (spent: number) => (spent / answers) * 1e6
  return {
    perSecond: answers / seconds,
    percentiles,
    serverCpu: each(after.server - before.server),
    // One that ended meanwhile, such as an autovacuum's, is left out.
    databaseCpu: each(
      after.database.reduce((sum, spent, at) => sum + (spent - (before.database[at] ?? 0) || 0), 0),
    ),
    clientCpu: each(client),
  }
}

async function ask(load: Load, signal: AbortSignal): Promise<Loaded> {
  const client = Bun.spawn([process.execPath, join(import.meta.dir, 'client.ts')], {
    stdin: new Blob([JSON.stringify(load)]),
    stdout: 'pipe',
    stderr: 'inherit',
    signal,
  })
  const said = await new Response(client.stdout).text()
  if ((await client.exited) !== 0) throw new Error('the client could not ask')
  return JSON.parse(said)
}
