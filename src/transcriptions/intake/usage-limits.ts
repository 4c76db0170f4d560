import type { Queries } from '../../db/database.ts'
import { LimitError, VerbatimError } from '../../errors.ts'
import { countOpen } from '../open-work.store.ts'
import { countedSeconds, usedToday } from '../usage.store.ts'

/** The limits of each user; undefined: unlimited. */
export type UsageLimits = {
  /** Unfinished transcriptions. */
  maxOpen?: number | undefined
  /** Seconds of audio transcribed per day (UTC). */
  audioSecondsPerDay?: number | undefined
}

/** A guess: it is unknown when a transcription finishes. */
const RETRY_SECONDS = 10
const DAY_SECONDS = 86_400

export const isLimited = ({ maxOpen, audioSecondsPerDay }: UsageLimits): boolean =>
  maxOpen !== undefined || audioSecondsPerDay !== undefined

/** Checks before an upload is read. Throws `LimitError` if the user has reached a limit. */
export async function checkBeforeUpload(
  db: Queries,
  { userId, usageLimits }: { userId: string; usageLimits: UsageLimits },
) {
  const { maxOpen, audioSecondsPerDay } = usageLimits
  if (maxOpen !== undefined && (await countOpen(db, { userId })) >= maxOpen) throw openLimitReached(maxOpen)
  if (audioSecondsPerDay === undefined) return
  const { audioSeconds, secondsLeft } = await usedToday(db, userId)
  if (audioSeconds >= audioSecondsPerDay)
    throw audioLimitReached({ audioSecondsPerDay, audioSeconds, secondsLeft })
}

/**
 * Checks after the transcription was inserted, in the same transaction, which holds the user's lock. Throws
 * `LimitError`, and `too_long` if this audio is longer than a whole day's limit.
 */
export async function checkInTransaction(
  tx: Queries,
  { id, userId, usageLimits }: { id: string; userId: string; usageLimits: UsageLimits },
) {
  const { maxOpen, audioSecondsPerDay } = usageLimits
  if (maxOpen !== undefined && (await countOpen(tx, { userId })) > maxOpen) throw openLimitReached(maxOpen)
  if (audioSecondsPerDay === undefined) return
  const ownSeconds = await countedSeconds(tx, id)
  if (ownSeconds > audioSecondsPerDay) {
    throw new VerbatimError(
      'too_long',
      `The audio is longer than the ${audioSecondsPerDay} seconds that a user can transcribe per day`,
    )
  }
  const { audioSeconds, secondsLeft } = await usedToday(tx, userId)
  if (audioSeconds > audioSecondsPerDay) {
    throw audioLimitReached({ audioSecondsPerDay, audioSeconds: audioSeconds - ownSeconds, secondsLeft })
  }
}

function openLimitReached(maxOpen: number) {
  return new LimitError(
    'too_many_transcriptions',
    `You have ${maxOpen} unfinished transcriptions, which is the limit: wait for one to finish, or cancel one`,
    { retryAfterSeconds: RETRY_SECONDS },
  )
}

function audioLimitReached({
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
    `You have used ${used} of your ${limit} seconds of audio for today: try again after midnight UTC`,
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
