import type { StoredSpeaker } from '../../db/columns.ts'
import type { Database } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { nameOfEngine } from '../intake/options.ts'
import { workOf } from '../span-statistics.store.ts'
import { listDiarizedSpans } from '../speakers/diarizations.store.ts'
import { speakerTurnsOf } from '../speakers/find-speakers.ts'
import { visibleSpeakers } from '../speakers/visible-speakers.ts'
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
    speakers: formatSpeakers(row, segments),
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
    speakers: formatSpeakers(row, transcript.segments),
    engines: (await workOf(db, row.id)).map(formatWork),
    warnings: row.warnings,
  }
}

function formatWork({ engine, model, seconds }: Awaited<ReturnType<typeof workOf>>[number]) {
  return {
    engine: nameOfEngine(engine ?? 'sidecar'),
    model: model ?? '',
    seconds,
  }
}

export function formatSegment(
  { start, end, text, language, words, speaker, channel, verifiedBy }: StoredSegment,
  row: Pick<Transcription, 'channels' | 'diarize' | 'words' | 'verify'>,
) {
  return {
    start,
    end,
    text: text.trim(),
    language,
    ...(row.channels === 'split' && { channel }),
    ...(row.diarize && { speaker }),
    ...(row.verify && { verified_by: verifiedBy }),
    ...(row.words && { words: (words ?? []).map((word) => (row.diarize ? { ...word, speaker } : word)) }),
  }
}

/** The speakers as transcripts list them, with the number of their segments; null if there are none to list. */
export function formatSpeakers(
  { speakers: stored, channels }: Pick<Transcription, 'speakers' | 'channels'>,
  segments: readonly Pick<StoredSegment, 'speaker'>[],
) {
  if (stored === null) return null
  const bySpeaker = Map.groupBy(segments, ({ speaker }) => speaker)
  return visibleSpeakers(stored).speakers.map(({ id, name, channel, seconds }) => ({
    id,
    name,
    ...(channels === 'split' && { channel }),
    seconds,
    segments: bySpeaker.get(id)?.length ?? 0,
  }))
}

/** Throws `speakers_missing` if a transcription has no speakers, with the reason. */
export function requireSpeakers({ diarize, speakers, status }: Transcription): StoredSpeaker[] {
  if (speakers !== null) return speakers
  const reason = !diarize
    ? 'the upload did not ask for speakers: upload it again with speakers=true'
    : status === 'completed'
      ? 'speakers were not told apart: its warnings say why'
      : 'speakers are known once it is completed'
  throw new VerbatimError('speakers_missing', `The transcription has no speakers: ${reason}`)
}

/** The speaker turns of a completed transcription, with the names of their speakers, by channel and time. */
export async function readSpeakerTurns(db: Database, row: Transcription) {
  const { speakerOf } = visibleSpeakers(requireSpeakers(row))
  const spans = await listDiarizedSpans(db, row.id)
  return spans.flatMap(({ channel, turns, voices }) => {
    const ids = new Map(voices.flatMap(({ voice, speaker }) => (speaker === null ? [] : [[voice, speaker]])))
    return speakerTurnsOf({ turns }, ids).map((turn) => {
      const { name, id } = speakerOf.get(turn.speaker) ?? { name: null, id: turn.speaker }
      return { ...turn, speaker: name ?? id, channel }
    })
  })
}

/** Throws `not_ready` or `transcription_failed`. */
export function requireCompleted({ status, errorMessage }: Transcription): void {
  if (status === 'completed') return
  const partial = 'send ?partial=true for the part that is finished'
  if (status === 'failed') {
    throw new VerbatimError('transcription_failed', `The transcription failed: ${errorMessage} (${partial})`)
  }
  const advice = status === 'canceled' ? partial : `wait until it is completed, or ${partial}`
  throw new VerbatimError('not_ready', `The transcription is ${status}: ${advice}`)
}
