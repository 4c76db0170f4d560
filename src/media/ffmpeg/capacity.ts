import { availableParallelism, totalmem } from 'node:os'
import { HEAP_CAP_BYTES } from './heap-cap.ts'

/** Memory of the rest of the service, without the heaps of the media jobs. */
const SERVICE_BYTES = 384 * 1024 * 1024

/**
 * How many files can be decoded at once while as many are probed: one per core, and no more than fit into
 * memory. Uses the limits of the container, since one heap per core of a large machine would exceed a small
 * container's memory.
 */
export function maxParallelJobs({
  // Both respect the limits of a control group. `constrainedMemory` returns 0 if it knows of no limit.
  cores = availableParallelism(),
  memoryBytes = process.constrainedMemory() || totalmem(),
}: {
  cores?: number
  memoryBytes?: number
} = {}): number {
  const inMemory = Math.floor((memoryBytes - SERVICE_BYTES) / (2 * HEAP_CAP_BYTES))
  return Math.max(1, Math.min(cores, inMemory))
}
