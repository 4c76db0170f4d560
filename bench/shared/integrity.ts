import type { segments, spans, transcriptions } from '../../src/db/schema.ts'
import type { Storage } from '../../src/storage/storage.ts'

/** Whether the finished spans of a file's each channel follow on each other, and together are all there was to do. */
export function isCovered(
  { id, workSamples }: Pick<typeof transcriptions.$inferSelect, 'id' | 'workSamples'>,
  work: (typeof spans.$inferSelect)[],
): boolean {
  const own = work.filter(({ transcriptionId }) => transcriptionId === id)
  const ends = new Map<number, number>()
  let done = 0
  for (const { channel, startSample, endSample, state } of own.toSorted(
    (a, b) => a.startSample - b.startSample,
  )) {
    if (startSample !== (ends.get(channel) ?? startSample) || state !== 'done') return false
    ends.set(channel, endSample)
    done += endSample - startSample
  }
  return done === workSamples
}

/** How many segments are there more than once. */
export function countToldTwice(told: Pick<typeof segments.$inferSelect, 'spanId' | 'position'>[]): number {
  return told.length - new Set(told.map((one) => `${one.spanId} ${one.position}`)).size
}

/** The transcriptions that something is stored of, and that no row knows. */
export async function storedOfNone(storage: Storage, known: Map<string, unknown>): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const { key } of storage.list('transcriptions')) {
    const id = key.split('/')[1] ?? ''
    if (!known.has(id)) found.add(id)
  }
  return found
}
