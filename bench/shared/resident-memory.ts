import { readFileSync } from 'node:fs'

const PAGE_BYTES = 4_096

/** Resident memory of a process, in bytes; 0 where that cannot be told (outside of Linux, or when it is gone). */
export function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
  } catch {
    return 0
  }
}
