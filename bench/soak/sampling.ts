import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { residentBytes } from '../resident.ts'
import type { Deployment } from './deployments.ts'

/** Of a process, or of several summed up. Bytes; seconds of processor time since its start. */
export type ProcessSample = {
  name: string
  resident: number
  /** Its share of what several have mapped. */
  proportional: number
  /** But for those of a database's files, which it opens and closes as it likes. */
  descriptors: number
  databaseFiles: number
  sockets: number
  threads: number
  processorSeconds: number
}

export type DeploymentSample = {
  name: string
  /** Transcriptions that are not over, and jobs that wait and run. */
  open: number
  waiting: number
  running: number
  storedFiles: number
  storedBytes: number
  /** Bytes of audio that rows tell of; null where the database is embedded. */
  knownBytes: number | null
  /** Half written, and in the folder of temporary files. */
  incoming: number
  temporary: number
  connections: number | null
  databaseBytes: number | null
}

export type Sample = { seconds: number; processes: ProcessSample[]; deployments: DeploymentSample[] }

const TICKS_PER_SECOND = 100
const DATABASE_FILE = /\/(postgres|verbatim-postgres-[^/]+)\//

export async function processSample({ name, pids }: Deployment['processes'][number]): Promise<ProcessSample> {
  const each = await Promise.all((await pids()).map(one))
  const sum = (of: (sample: Omit<ProcessSample, 'name'>) => number) =>
    each.reduce((total, sample) => total + of(sample), 0)
  return {
    name,
    resident: sum((sample) => sample.resident),
    proportional: sum((sample) => sample.proportional),
    descriptors: sum((sample) => sample.descriptors),
    databaseFiles: sum((sample) => sample.databaseFiles),
    sockets: sum((sample) => sample.sockets),
    threads: sum((sample) => sample.threads),
    processorSeconds: sum((sample) => sample.processorSeconds),
  }
}

async function one(pid: number): Promise<Omit<ProcessSample, 'name'>> {
  const [rollup, status, targets] = await Promise.all([
    readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => ''),
    readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
    descriptorsOf(pid),
  ])
  const databaseFiles = targets.filter((target) => DATABASE_FILE.test(target)).length
  // Behind the name, which may hold anything, `utime` is the 12th, `stime` the 13th and `num_threads` the 18th field.
  const fields = status
    .slice(status.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  return {
    resident: residentBytes(pid),
    proportional: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024,
    descriptors: targets.length - databaseFiles,
    databaseFiles,
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
    threads: fields[17] ?? 0,
    processorSeconds: ((fields[11] ?? 0) + (fields[12] ?? 0)) / TICKS_PER_SECOND,
  }
}

/** What each open descriptor of a process leads to. */
export async function descriptorsOf(pid: number): Promise<string[]> {
  const names = await readdir(`/proc/${pid}/fd`).catch((): string[] => [])
  const targets = await Promise.all(
    names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => null)),
  )
  return targets.filter((target) => target !== null)
}

export async function deploymentSample(deployment: Deployment): Promise<DeploymentSample> {
  const { name, url, data, temporary } = deployment
  const [metrics, stored, database] = await Promise.all([
    fetch(`${url}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    ),
    filesIn(join(data, 'files')),
    databaseSample(deployment.databaseUrl),
  ])
  const sum = (metric: string) =>
    [...metrics.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    )
  return {
    name,
    open: sum('verbatim_transcriptions_open'),
    waiting: sum('verbatim_queue_waiting'),
    running: sum('verbatim_queue_running'),
    storedFiles: stored.files,
    storedBytes: stored.bytes,
    incoming: (await filesIn(join(data, 'incoming'))).files,
    temporary: (await filesIn(temporary)).files,
    ...database,
  }
}

async function databaseSample(url: string | null) {
  const nothing = { knownBytes: null, connections: null, databaseBytes: null }
  if (url === null) return nothing
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [row] = await client<{ known: string; connections: string; size: string }[]>`
      select (select coalesce(sum(audio_bytes), 0) from transcriptions where audio_removed_at is null) as known,
        (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
        pg_database_size(current_database()) as size`
    if (!row) return nothing
    return {
      knownBytes: Number(row.known),
      connections: Number(row.connections) - 1,
      databaseBytes: Number(row.size),
    }
  } finally {
    await client.end()
  }
}

/** Others may be removing what is counted here. */
async function filesIn(folder: string): Promise<{ files: number; bytes: number }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(({ parentPath, name }) =>
      stat(join(parentPath, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return { files: files.length, bytes: sizes.reduce((total, size) => total + size, 0) }
}
