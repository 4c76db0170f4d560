import type { segments, spans, transcriptions } from '../../src/db/schema.ts'
import type { Storage } from '../../src/storage/storage.ts'

/**
 * Whether the finished spans of each channel follow each other without a gap, and together cover all samples
 * to transcribe.
 */
export function isCovered(
  { id, workSamples }: Pick<typeof transcriptions.$inferSelect, 'id' | 'workSamples'>,
  allSpans: (typeof spans.$inferSelect)[],
): boolean {
  const own = allSpans.filter(({ transcriptionId }) => transcriptionId === id)
  const ends = new Map<number, number>()
  let done = 0
  for (const span of own.toSorted((a, b) => a.startSample - b.startSample)) {
    const { channel, startSample, endSample, state } = span
    if (startSample !== (ends.get(channel) ?? startSample) || state !== 'done') return false
    ends.set(channel, endSample)
    done += endSample - startSample
  }
  return done === workSamples
}

export function countDuplicateSegments(
  rows: Pick<typeof segments.$inferSelect, 'spanId' | 'position'>[],
): number {
  return rows.length - new Set(rows.map(({ spanId, position }) => `${spanId} ${position}`)).size
}

/** The ids of transcriptions that have files in the storage but no row. */
export async function orphanedFiles(storage: Storage, rows: Map<string, unknown>): Promise<Set<string>> {
  const orphans = new Set<string>()
  for await (const { key } of storage.list('transcriptions')) {
    const id = key.split('/')[1] ?? ''
    if (!rows.has(id)) orphans.add(id)
  }
  return orphans
}
