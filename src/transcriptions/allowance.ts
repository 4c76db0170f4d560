import type { Queries } from '../db/database.ts'
import { LimitError, VerbatimError } from '../errors.ts'
import { countOpen } from './transcriptions.store.ts'
import { countedSeconds, usedToday } from './usage.store.ts'

/** What one user may have; undefined: any amount. */
export type Allowance = {
  /** Transcriptions that are queued or under way. */
  maxOpen?: number | undefined
  /** Of audio that is transcribed on a day (UTC). */
  audioSecondsPerDay?: number | undefined
}

/** Nothing says when one of them will be over. */
const ASK_AGAIN_SECONDS = 10
const DAY_SECONDS = 86_400

export const isLimited = ({ maxOpen, audioSecondsPerDay }: Allowance): boolean =>
  maxOpen !== undefined || audioSecondsPerDay !== undefined

/** Before an upload is read. Throws `LimitError` where there is no room for it whatever it is. */
export async function requireRoom(
  db: Queries,
  { userId, allowance }: { userId: string; allowance: Allowance },
) {
  const { maxOpen, audioSecondsPerDay } = allowance
  if (maxOpen !== undefined && (await countOpen(db, { userId })) >= maxOpen) throw tooMany(maxOpen)
  if (audioSecondsPerDay === undefined) return
  const { audioSeconds, secondsLeft } = await usedToday(db, userId)
  if (audioSeconds >= audioSecondsPerDay) throw usedUp({ audioSecondsPerDay, audioSeconds, secondsLeft })
}

/**
 * Once it is written down, in the same transaction, which holds the user against others like it. Throws `LimitError`
 * where it is too much, and `too_long` where it alone is, so that it would be on any day.
 */
export async function requireWithin(
  tx: Queries,
  { id, userId, allowance }: { id: string; userId: string; allowance: Allowance },
) {
  const { maxOpen, audioSecondsPerDay } = allowance
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

function tooMany(maxOpen: number) {
  return new LimitError(
    'too_many_transcriptions',
    `There are ${maxOpen} transcriptions of yours under way, as many as may be: wait for one to be over`,
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
    `Of the ${limit} seconds of audio that you may have transcribed today, ${used} are used: there is more at midnight UTC`,
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
