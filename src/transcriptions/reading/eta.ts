import type { Database } from '../../db/database.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { listOpenLengths, type OpenTranscription } from '../open-work.store.ts'
import { recentSpeed } from '../spans.store.ts'

/** What is read for one client serves the others for so long. */
const FRESH_MS = 1000

export type Eta = {
  /** Transcriptions that were uploaded before it and are not over. */
  queuePosition: number
  /** Null while nothing is known to reckon with. */
  estimatedSeconds: number | null
}

type Work = { id: string; seconds: number | null; done: number }

/**
 * When an open transcription is likely to be over. Spans go in the order of their places in their files, so before its last
 * one come those of every other file up to the same place.
 */
export function createEta({ db, freshMs = FRESH_MS }: { db: Database; freshMs?: number }) {
  let read: { at: number; all: Promise<{ work: Work[]; speed: number | null }> } | undefined

  async function all() {
    const [rows, speed] = [await listOpenLengths(db), await recentSpeed(db)]
    return { work: rows.map(workIn), speed }
  }

  return async (id: string): Promise<Eta | null> => {
    if (!read || performance.now() - read.at > freshMs) read = { at: performance.now(), all: all() }
    const { work, speed } = await read.all
    const queuePosition = work.findIndex((one) => one.id === id)
    const own = work[queuePosition]
    if (!own) return null
    const before = speed === null || own.seconds === null ? null : secondsBefore(work, own.seconds) / speed
    return { queuePosition, estimatedSeconds: before }
  }
}

/** Seconds of audio that are done before the last of a file that is so long; one of unknown length counts as another. */
function secondsBefore(work: Work[], length: number): number {
  return work.reduce((sum, one) => sum + Math.max(0, Math.min(one.seconds ?? length, length) - one.done), 0)
}

function workIn(row: OpenTranscription): Work {
  return { id: row.id, seconds: row.workSeconds, done: row.doneSamples / SAMPLE_RATE }
}
