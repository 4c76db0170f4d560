import type { Database } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import type { OwnedKeys, RequireOwned } from '../owned.ts'
import { listDiarizedSpans } from './diarizations.store.ts'
import { averageOf } from './known-voices.ts'

const SAMPLE_SECONDS = { least: 2, most: 30 }
const MIN_SPEECH_SECONDS = 1
/** Shorter speech of another voice is an error of the diarization rather than a person. */
const MIN_OTHER_SECONDS = 1

/** The fields with which a sample is transcribed to hear its voice. More than the longest sample is not heard. */
export const SAMPLE_FIELDS: ReadonlyMap<string, string> = new Map([
  ['speakers', 'true'],
  ['language', 'auto'],
  ['end', String(SAMPLE_SECONDS.most + 1)],
])

/**
 * The voice in a sample, which was transcribed as an ephemeral transcription with `SAMPLE_FIELDS`. Throws
 * `unusable_sample`, and `engine_unavailable` if no sidecar could hear it.
 */
export async function voiceIn(
  { db, requireOwned }: { db: Database; requireOwned: RequireOwned },
  { maxSeconds = SAMPLE_SECONDS.most, ...keys }: OwnedKeys & { maxSeconds?: number },
): Promise<{ seconds: number; embedding: number[] }> {
  const { id, totalSamples, speakers, warnings } = await requireOwned(keys)
  const seconds = (totalSamples ?? 0) / SAMPLE_RATE
  if (seconds < SAMPLE_SECONDS.least || seconds > maxSeconds) {
    throw unusable(`is ${seconds.toFixed(1)} s long: send ${SAMPLE_SECONDS.least} to ${maxSeconds} s`)
  }
  if (speakers === null) {
    const reason = warnings.find(({ code }) => code === 'speakers_missing')?.message
    throw new VerbatimError('engine_unavailable', reason ?? 'The voice of the sample could not be heard')
  }
  const spoken = speakers.toSorted((a, b) => b.seconds - a.seconds)
  const [speaker, other] = spoken
  if (!speaker || speaker.seconds < MIN_SPEECH_SECONDS) {
    throw unusable(
      `has ${(speaker?.seconds ?? 0).toFixed(1)} s of speech: send at least ${MIN_SPEECH_SECONDS} s`,
    )
  }
  if (other && other.seconds >= MIN_OTHER_SECONDS) {
    throw unusable('has several voices: send a sample of one person')
  }
  const spans = await listDiarizedSpans(db, id)
  const heard = spans.flatMap(({ voices }) =>
    voices.flatMap(({ seconds, embedding, speaker: spokenBy }) =>
      embedding !== null && spokenBy === speaker.id ? [{ seconds, embedding }] : [],
    ),
  )
  return { seconds: speaker.seconds, embedding: averageOf(heard) }
}

const unusable = (problem: string) => new VerbatimError('unusable_sample', `The sample ${problem}`)
