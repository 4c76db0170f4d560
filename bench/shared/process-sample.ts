import { readdir, readFile, readlink } from 'node:fs/promises'
import { residentBytes } from './resident-memory.ts'

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

const TICKS_PER_SECOND = 100
const DATABASE_FILE = /\/(postgres|verbatim-postgres-[^/]+)\//

export async function processSample({
  name,
  pids,
}: {
  name: string
  pids: () => Promise<number[]>
}): Promise<ProcessSample> {
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
