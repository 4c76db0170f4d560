import type { Sample } from './sampling.ts'

/** What a process may have grown by, of its memory, from the second third of the load to the last. */
const GROWTH = 0.05
/** Descriptors that may be more or fewer in the end than at the start. */
const DESCRIPTORS = 4
/** Memory is still being taken for the first time in anything shorter. */
export const LEAST_MINUTES = 20

export type Flatness = {
  name: string
  middleBytes: number
  lastBytes: number
  growth: number
  /** By the median of the slopes between all pairs of samples (Theil and Sen) since the first quarter. */
  bytesPerHour: number
  peakBytes: number
  processorShare: number
  threads: number
  descriptorsBefore: number
  descriptorsAfter: number
  isFlat: boolean
  isClosed: boolean
}

type Descriptors = Map<string, number>

/** How each process's memory went while the load was on, and whether its descriptors came back to what they were. */
export function flatnessOf(
  samples: Sample[],
  { before, after, isLong }: { before: Descriptors; after: Descriptors; isLong: boolean },
): Flatness[] {
  const seconds = samples.at(-1)?.seconds ?? 0
  const names = samples[0]?.processes.map(({ name }) => name) ?? []
  return names.map((name) => {
    const points = samples.flatMap((sample) => {
      const process = sample.processes.find((one) => one.name === name)
      return process ? [{ seconds: sample.seconds, ...process, bytes: memoryOf(process) }] : []
    })
    const within = (from: number, to: number) =>
      points.filter((point) => point.seconds >= from * seconds && point.seconds <= to * seconds)
    const middleBytes = medianOf(within(1 / 3, 2 / 3).map(({ bytes }) => bytes))
    const lastBytes = medianOf(within(2 / 3, 1).map(({ bytes }) => bytes))
    const growth = lastBytes / middleBytes - 1
    const [first, last] = [points[0], points.at(-1)]
    const descriptorsBefore = before.get(name) ?? 0
    const descriptorsAfter = after.get(name) ?? 0
    return {
      name,
      middleBytes,
      lastBytes,
      growth,
      bytesPerHour: slopeOf(within(1 / 4, 1)) * 3600,
      peakBytes: Math.max(...points.map(({ bytes }) => bytes)),
      processorShare:
        first && last ? (last.processorSeconds - first.processorSeconds) / (last.seconds - first.seconds) : 0,
      threads: Math.max(...points.map(({ threads }) => threads)),
      descriptorsBefore,
      descriptorsAfter,
      isFlat: !isLong || growth < GROWTH,
      // Postgres has some for each connection to it.
      isClosed: name === 'Postgres' || Math.abs(descriptorsAfter - descriptorsBefore) <= DESCRIPTORS,
    }
  })
}

/** Of several processes that share their memory, what each has of it; of one, what is resident. */
export function memoryOf({ name, resident, proportional }: Sample['processes'][number]): number {
  return name === 'Postgres' ? proportional : resident
}

function slopeOf(points: { seconds: number; bytes: number }[]): number {
  const slopes = points.flatMap((one, index) =>
    points.slice(index + 1).map((other) => (other.bytes - one.bytes) / (other.seconds - one.seconds)),
  )
  return medianOf(slopes)
}

function medianOf(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
