import type { Database } from '../../db/database.ts'
import type { listFinishedSince } from '../spans.store.ts'
import type { StoredSegment } from '../transcriptions.store.ts'
import { cutBySpeaker } from './assign-words.ts'
import { findDiarization, listDiarizedUntil } from './diarizations.store.ts'
import { letterOf, speakerTurnsOf } from './find-speakers.ts'
import { similarity, unit } from './merge-voices.ts'

type FinishedSpan = Awaited<ReturnType<typeof listFinishedSince>>[number]
type SpanVoices = NonNullable<Awaited<ReturnType<typeof findDiarization>>>

const MIN_SIMILARITY = 0.5
/** More speakers than any recording that can be told apart; later voices go to the most similar one. */
const MAX_SPEAKERS = 50

export type ProvisionalSpeakers = ReturnType<typeof createProvisionalSpeakers>

/**
 * Labels the segments of spans as they finish, for streams: a voice gets the letter of the most similar voice
 * before, or a new one. When all spans are finished, the final speakers may differ. `after`: the revision
 * from which the stream resumes.
 */
export function createProvisionalSpeakers(db: Database, { id, after }: { id: string; after: number }) {
  const sums: { channel: number; sum: number[] }[] = []
  let isResumed = after === 0

  function lettersOf({ voices }: SpanVoices, channel: number): Map<number, string> {
    return new Map(
      voices.flatMap(({ voice, seconds, embedding, speaker }) => {
        // The transcription has been completed meanwhile: embeddings are gone, and voices have their speakers.
        if (embedding === null) return speaker === null ? [] : [[voice, speaker] as const]
        const index = nearestIn(sums, { channel, embedding })
        const { sum } = sums[index] ?? { sum: embedding.map(() => 0) }
        sums[index] = { channel, sum: sum.map((value, at) => value + seconds * (embedding[at] ?? 0)) }
        return [[voice, letterOf(index)] as const]
      }),
    )
  }

  async function resume() {
    isResumed = true
    for (const earlier of await listDiarizedUntil(db, { id, revision: after }))
      lettersOf(earlier, earlier.channel)
  }

  return {
    /** The segments of a span, cut and labeled. */
    async label({ id: spanId, channel, segments }: FinishedSpan): Promise<StoredSegment[]> {
      if (!isResumed) await resume()
      const diarization = await findDiarization(db, spanId)
      const turns = diarization ? speakerTurnsOf(diarization, lettersOf(diarization, channel)) : []
      return cutBySpeaker(segments, turns).map((segment) => ({ ...segment, channel }))
    },
  }
}

/** The index of the most similar speaker of a channel, or of a new one. */
function nearestIn(
  speakers: readonly { channel: number; sum: readonly number[] }[],
  { channel, embedding }: { channel: number; embedding: readonly number[] },
): number {
  const isFull = speakers.length >= MAX_SPEAKERS
  let best = { index: speakers.length, similarity: isFull ? Number.NEGATIVE_INFINITY : MIN_SIMILARITY }
  for (const [index, speaker] of speakers.entries()) {
    if (speaker.channel !== channel && !isFull) continue
    const found = similarity(unit(speaker.sum), embedding)
    if (found > best.similarity) best = { index, similarity: found }
  }
  return best.index
}
