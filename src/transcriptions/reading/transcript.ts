import type { Database } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { workOf } from '../span-statistics.store.ts'
import { languagesOf } from '../transcript/detected-languages.ts'
import { textOf } from '../transcript/turns.ts'
import { withVoices } from '../transcript/voices.ts'
import { type StoredSegment, segmentsOf, type Transcription } from '../transcriptions.store.ts'

type ReadTranscript = Awaited<ReturnType<typeof readTranscript>>

/** With `partial`, the part that is finished; without it, throws `not_ready` or `transcription_failed`. */
export async function readTranscript(
  db: Database,
  { row, partial }: { row: Transcription; partial: boolean },
) {
  if (!partial) requireCompleted(row)
  const segments = withVoices(await segmentsOf(db, row), row)
  const languages = languagesOf(segments)
  return {
    row,
    segments,
    languages,
    language: row.language === 'auto' ? (row.detectedLanguage ?? languages[0] ?? null) : row.language,
    duration: (row.totalSamples ?? 0) / SAMPLE_RATE,
    text: row.text ?? textOf(segments),
  }
}

/** The JSON transcript of the API, with the engines that transcribed it. */
export async function formatTranscript(db: Database, { row, segments, ...transcript }: ReadTranscript) {
  return {
    id: row.id,
    status: row.status,
    language: transcript.language,
    languages: transcript.languages,
    duration: transcript.duration,
    engines: (await workOf(db, row.id)).map(formatWork),
    warnings: row.warnings,
    text: transcript.text,
    segments: segments.map((segment) => formatSegment(segment, row)),
  }
}

/** The transcript for formats of other APIs. `channels`: the number of channels that are told apart. */
export async function detailsOf(db: Database, { row, ...transcript }: ReadTranscript) {
  return {
    ...transcript,
    createdAt: row.createdAt,
    sha256: row.audioSha256,
    channels: row.channels === 'split' ? row.audioChannels : 1,
    engines: (await workOf(db, row.id)).map(formatWork),
    warnings: row.warnings,
  }
}

/** Clients call the engine `huggingface` `hosted`. */
function formatWork({ engine, model, seconds }: Awaited<ReturnType<typeof workOf>>[number]) {
  return {
    engine: engine === 'huggingface' ? ('hosted' as const) : ('sidecar' as const),
    model: model ?? '',
    seconds,
  }
}

export function formatSegment(
  { start, end, text, language, words, channel }: StoredSegment,
  row: Pick<Transcription, 'channels' | 'words'>,
) {
  return {
    start,
    end,
    text: text.trim(),
    language,
    ...(row.channels === 'split' && { channel }),
    ...(row.words && { words: words ?? [] }),
  }
}

function requireCompleted({ status, errorMessage }: Transcription): void {
  if (status === 'completed') return
  const partial = 'send ?partial=true for the part that is finished'
  if (status === 'failed') {
    throw new VerbatimError('transcription_failed', `The transcription failed: ${errorMessage} (${partial})`)
  }
  const advice = status === 'canceled' ? partial : `wait until it is completed, or ${partial}`
  throw new VerbatimError('not_ready', `The transcription is ${status}: ${advice}`)
}
