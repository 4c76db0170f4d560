import type { Queries, Transaction } from '../../db/database.ts'
import { LimitError, VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { setDecoded } from '../pipeline/decoded.store.ts'
import { countOpen, fail, type Transcription } from '../transcriptions.store.ts'
import { countedSeconds, usedOnDayOf, usedToday } from './usage.store.ts'

/** What one user may have; undefined: any amount. */
export type UsageLimits = {
  /** Transcriptions that are queued or under way. */
  maxOpen?: number | undefined
  /** Of audio that is transcribed on a day (UTC). */
  audioSecondsPerDay?: number | undefined
}

/** Nothing says when one of them will be over. */
const ASK_AGAIN_SECONDS = 10
const DAY_SECONDS = 86_400

export const isLimited = ({ maxOpen, audioSecondsPerDay }: UsageLimits): boolean =>
  maxOpen !== undefined || audioSecondsPerDay !== undefined

/** Before an upload is read. Throws `LimitError` where there is no room for it whatever it is. */
export async function checkBeforeUpload(
  db: Queries,
  { userId, usageLimits }: { userId: string; usageLimits: UsageLimits },
) {
  const { maxOpen, audioSecondsPerDay } = usageLimits
  if (maxOpen !== undefined && (await countOpen(db, { userId })) >= maxOpen) throw tooMany(maxOpen)
  if (audioSecondsPerDay === undefined) return
  const { audioSeconds, secondsLeft } = await usedToday(db, userId)
  if (audioSeconds >= audioSecondsPerDay) throw usedUp({ audioSecondsPerDay, audioSeconds, secondsLeft })
}

/**
 * Once it is written down, in the same transaction, which holds the user against others like it. Throws `LimitError`
 * where it is too much, and `too_long` where it alone is, so that it would be on any day.
 */
export async function checkInTransaction(
  tx: Queries,
  { id, userId, usageLimits }: { id: string; userId: string; usageLimits: UsageLimits },
) {
  const { maxOpen, audioSecondsPerDay } = usageLimits
  if (maxOpen !== undefined && (await countOpen(tx, { userId })) > maxOpen) throw tooMany(maxOpen)
  if (audioSecondsPerDay === undefined) return
  const ownSeconds = await countedSeconds(tx, id)
  if (ownSeconds > audioSecondsPerDay) {
    throw new VerbatimError(
      'too_long',
      `The audio is longer than the ${audioSecondsPerDay} seconds that a user may have transcribed on a day`,
    )
  }
  const { audioSeconds, secondsLeft } = await usedToday(tx, userId)
  if (audioSeconds > audioSecondsPerDay) {
    throw usedUp({ audioSecondsPerDay, audioSeconds: audioSeconds - ownSeconds, secondsLeft })
  }
}

/** How much longer than its header says a recording may be without being looked at again. */
const SLACK_SECONDS = 30

/**
 * Once more is decoded of a recording than its header says, which is what was counted: fails it, and gives false, if its user
 * has used more than a day's allowance with it. What was transcribed of it before is kept.
 */
export async function mayTranscribe(
  tx: Transaction,
  {
    row,
    decodedSamples,
    usageLimits,
  }: { row: Transcription; decodedSamples: number; usageLimits: UsageLimits },
): Promise<boolean> {
  const { audioSecondsPerDay: limit } = usageLimits
  const counted = (row.workSeconds ?? 0) + SLACK_SECONDS
  if (limit === undefined || decodedSamples <= counted * SAMPLE_RATE) return true
  await setDecoded(tx, { id: row.id, decodedSamples })
  if ((await usedOnDayOf(tx, row.id)) <= limit) return true
  const message = `The recording is longer than its header says, and you have used the ${limit} seconds of audio that you may have transcribed on a day: send the rest after midnight UTC`
  await fail(tx, { id: row.id, code: 'audio_limit_reached', message })
  return false
}

function tooMany(maxOpen: number) {
  return new LimitError(
    'too_many_transcriptions',
    `You have ${maxOpen} unfinished transcriptions, which is the limit: wait for one to finish, or cancel one`,
    { retryAfterSeconds: ASK_AGAIN_SECONDS },
  )
}

function usedUp({
  audioSecondsPerDay: limit,
  audioSeconds,
  secondsLeft,
}: {
  audioSecondsPerDay: number
  audioSeconds: number
  secondsLeft: number
}) {
  const used = Math.round(audioSeconds)
  return new LimitError(
    'audio_limit_reached',
    `You have used ${used} of the ${limit} seconds of audio that you may have transcribed today: try again after midnight UTC`,
    {
      retryAfterSeconds: secondsLeft,
      quota: {
        name: 'audio-seconds',
        limit,
        windowSeconds: DAY_SECONDS,
        remaining: Math.max(0, limit - used),
        resetSeconds: secondsLeft,
      },
    },
  )
}
