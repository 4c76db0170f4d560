import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

// All of these read /proc, so they work on Linux only.

const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4_096

/** The process's live children. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return text.split(' ').filter(Boolean).map(Number)
}

/** The process and its live descendants. */
export async function treeOf(pid: number): Promise<number[]> {
  const below = await Promise.all((await childrenOf(pid)).map(treeOf))
  return [pid, ...below.flat()]
}

/**
 * The fields of /proc/PID/stat after the process name, which may contain spaces; empty if the process is
 * gone.
 */
function statOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return (text.split(') ').at(-1) ?? '').split(' ').map(Number)
  } catch {
    return []
  }
}

/** CPU seconds of all threads, user and system; NaN if the process is gone. */
export function cpuSeconds(pid: number): number {
  const [user = Number.NaN, system = Number.NaN] = statOf(pid).slice(11, 13)
  return (user + system) / TICKS_PER_SECOND
}

/** CPU seconds of the process's children that ended and were waited for. */
export function endedChildrenCpuSeconds(pid: number): number {
  const [user = Number.NaN, system = Number.NaN] = statOf(pid).slice(13, 15)
  return (user + system) / TICKS_PER_SECOND
}

/** Resident memory; 0 if the process is gone. */
export function residentBytes(pid: number): number {
  return (statOf(pid)[21] ?? 0) * PAGE_BYTES
}

/** The peak of the resident memory since the start, or since `resetPeak`. */
export function peakBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) * 1024
}
