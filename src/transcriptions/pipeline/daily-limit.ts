import type { Transaction } from '../../db/database.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { fail, type Transcription } from '../transcriptions.store.ts'
import { usedOnDayOf } from '../usage.store.ts'
import { setDecoded } from './decoded.store.ts'

/** A recording may be this much longer than its header says before its usage is checked again. */
const SLACK_SECONDS = 30

/**
 * Checks again when more of a recording is decoded than its header says, which is the length that was
 * counted. If its user then exceeds the daily limit, fails the transcription and returns false; its finished
 * spans are kept.
 */
export async function mayTranscribe(
  tx: Transaction,
  {
    row,
    decodedSamples,
    audioSecondsPerDay: limit,
  }: { row: Transcription; decodedSamples: number; audioSecondsPerDay: number | undefined },
): Promise<boolean> {
  const counted = (row.workSeconds ?? 0) + SLACK_SECONDS
  if (limit === undefined || decodedSamples <= counted * SAMPLE_RATE) return true
  await setDecoded(tx, { ...row, decodedSamples })
  if ((await usedOnDayOf(tx, row.id)) <= limit) return true
  await fail(tx, { id: row.id, code: 'audio_limit_reached', message: longerThanClaimed(limit) })
  return false
}

const longerThanClaimed = (limit: number) =>
  'The recording is longer than its header says, and with it you have used your' +
  ` ${limit} seconds of audio for the day: send the rest after midnight UTC`
