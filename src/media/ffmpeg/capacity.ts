import { availableParallelism, totalmem } from 'node:os'
import { HEAP_CAP_BYTES } from './heap-cap.ts'

/** What the rest of the service needs beside the heaps of its media jobs. */
const SERVICE_BYTES = 384 * 1024 * 1024

/**
 * How many files fit to be decoded at once, with as many probed beside them: one for each core, and no more than there is memory
 * for. A container's limits count: on a machine with many cores, one heap for each would end a small container.
 */
export function fittingJobs({
  // Both know the limits of a control group. Zero: there is no limit, or none is known.
  cores = availableParallelism(),
  memoryBytes = process.constrainedMemory() || totalmem(),
}: {
  cores?: number
  memoryBytes?: number
} = {}): number {
  const inMemory = Math.floor((memoryBytes - SERVICE_BYTES) / (2 * HEAP_CAP_BYTES))
  return Math.max(1, Math.min(cores, inMemory))
}
