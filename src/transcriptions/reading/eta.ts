import type { Database } from '../../db/database.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { listOpenLengths, type OpenTranscription } from '../open-work.store.ts'
import { recentSpeed } from '../span-statistics.store.ts'

/** How long one read of the open work serves all clients. */
const CACHE_MS = 1000

export type Eta = {
  /** Number of open transcriptions that were uploaded before this one. */
  queuePosition: number
  /** Null if the length of the audio or the recent speed is unknown. */
  estimatedSeconds: number | null
}

/** Lengths in seconds; `total` is null until it is known. */
type Work = { id: string; total: number | null; done: number }

/**
 * Estimates when an open transcription finishes. Spans are ordered by their start within their files, so that
 * the last span of a file comes after the spans of every other file up to the same time.
 */
export function createEta({ db, cacheMs = CACHE_MS }: { db: Database; cacheMs?: number }) {
  let cached: { at: number; all: Promise<{ work: Work[]; speed: number | null }> } | undefined

  async function readAll() {
    const [rows, speed] = [await listOpenLengths(db), await recentSpeed(db)]
    return { work: rows.map(toWork), speed }
  }

  return async (id: string): Promise<Eta | null> => {
    if (!cached || performance.now() - cached.at > cacheMs) cached = { at: performance.now(), all: readAll() }
    const { work, speed } = await cached.all
    const queuePosition = work.findIndex((other) => other.id === id)
    const own = work[queuePosition]
    if (!own) return null
    const estimatedSeconds =
      speed === null || own.total === null ? null : secondsUntil(work, own.total) / speed
    return { queuePosition, estimatedSeconds }
  }
}

/**
 * Seconds of audio to transcribe until a file of this length is finished. A file of unknown length counts as
 * if it had the same length.
 */
function secondsUntil(work: Work[], length: number): number {
  return work.reduce((sum, { total, done }) => sum + Math.max(0, Math.min(total ?? length, length) - done), 0)
}

function toWork(row: OpenTranscription): Work {
  return { id: row.id, total: row.workSeconds, done: row.doneSamples / SAMPLE_RATE }
}
