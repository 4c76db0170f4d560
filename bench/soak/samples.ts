import { readdir, readFile, readlink } from 'node:fs/promises'
import { residentBytes } from '../shared/processes.ts'
import { markdownTable, median } from '../shared/tables.ts'
import type { Deployment } from './deployments.ts'

/** Bytes and open descriptors of each process, by its name. */
export type Sample = { seconds: number; processes: Record<string, { bytes: number; descriptors: number }> }

/** The memory of a process may grow by this share from the second third of the load to the last. */
const MOST_GROWTH = 0.05
/** The number of descriptors may differ by this much before and after the load. */
const DESCRIPTOR_SLACK = 4
/** In a shorter run, memory is still used for the first time. */
export const LEAST_MINUTES = 20
/** Databases open and close their files as they need them. */
const DATABASE_FILE = /\/(postgres|verbatim-postgres-[^/]+)\//

export async function takeSample(deployment: Deployment, seconds: number): Promise<Sample> {
  const sockets = await databaseSockets(deployment.databasePort)
  const processes = deployment.processes.map(async ({ name, pids }) => {
    const each = (await pids()).map(async (pid) => ({
      bytes: name === 'Postgres' ? await proportionalBytes(pid) : residentBytes(pid),
      descriptors: await countDescriptors(pid, sockets),
    }))
    const all = await Promise.all(each)
    const sum = (of: 'bytes' | 'descriptors') => all.reduce((total, sample) => total + sample[of], 0)
    return [name, { bytes: sum('bytes'), descriptors: sum('descriptors') }]
  })
  return { seconds, processes: Object.fromEntries(await Promise.all(processes)) }
}

/** Postgres' processes share memory; each one's share of it is counted. */
async function proportionalBytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024
}

/**
 * The sockets that are connected to the database: connection pools open and keep them. The table's ports are
 * hexadecimal.
 */
async function databaseSockets(port: number | null): Promise<Set<string>> {
  const table = port === null ? '' : await readFile('/proc/net/tcp', 'utf8')
  const remote = `:${port?.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/))
  return new Set(rows.flatMap((row) => (row[2]?.endsWith(remote) ? [`socket:[${row[9]}]`] : [])))
}

async function countDescriptors(pid: number, excluded: Set<string>): Promise<number> {
  const names = await readdir(`/proc/${pid}/fd`).catch((): string[] => [])
  const targets = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')))
  return targets.filter((target) => target && !DATABASE_FILE.test(target) && !excluded.has(target)).length
}

export type Growth = {
  name: string
  middleBytes: number
  lastBytes: number
  peakBytes: number
  descriptors: [before: number, after: number]
  isFlat: boolean
  isClosed: boolean
}

/** Compares the medians of the second and the last third, and the descriptors before and after the load. */
export function growthOf(samples: Sample[], [before, after]: [Sample, Sample]): Growth[] {
  const end = samples.at(-1)?.seconds ?? 0
  return Object.keys(before.processes).map((name) => {
    const points = samples.map(({ seconds, processes }) => ({ seconds, bytes: processes[name]?.bytes ?? 0 }))
    const third = (number: number) =>
      median(
        points.flatMap(({ seconds, bytes }) => (Math.floor((3 * seconds) / end) === number ? [bytes] : [])),
      )
    const [middleBytes, lastBytes] = [third(1), third(2)]
    const counts = [before, after].map(({ processes }) => processes[name]?.descriptors ?? 0)
    const descriptors: Growth['descriptors'] = [counts[0] ?? 0, counts[1] ?? 0]
    return {
      name,
      middleBytes,
      lastBytes,
      peakBytes: Math.max(...points.map(({ bytes }) => bytes)),
      descriptors,
      isFlat: end < LEAST_MINUTES * 60 || lastBytes / middleBytes - 1 < MOST_GROWTH,
      // Postgres opens descriptors for each of its connections.
      isClosed: name === 'Postgres' || Math.abs(descriptors[1] - descriptors[0]) <= DESCRIPTOR_SLACK,
    }
  })
}

export function growthTable(growth: Growth[]): string {
  return markdownTable(
    [
      'process',
      'MB, second third',
      'MB, last third',
      'growth %',
      'MB at most',
      'descriptors before',
      'after',
      '',
    ],
    growth.map(({ name, middleBytes, lastBytes, peakBytes, descriptors, isFlat, isClosed }) => [
      name,
      middleBytes / 1e6,
      lastBytes / 1e6,
      100 * (lastBytes / middleBytes - 1),
      peakBytes / 1e6,
      ...descriptors,
      [!isFlat && 'grows', !isClosed && 'leaks descriptors'].filter(Boolean).join(', '),
    ]),
  )
}
