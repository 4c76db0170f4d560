import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/** Processor time that a process has taken with all its threads, in seconds; NaN where that cannot be told (outside of Linux). */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return Number.NaN
  }
}
