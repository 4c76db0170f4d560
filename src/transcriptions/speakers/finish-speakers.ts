import type { StoredSpeaker } from '../../db/columns.ts'
import type { Transaction } from '../../db/database.ts'
import type { Log } from '../../log.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import type { Warning } from '../../warnings.ts'
import { type StoredSegment, segmentsOf, type Transcription } from '../transcriptions.store.ts'
import { cutBySpeaker } from './assign-words.ts'
import { type DiarizedSpan, listDiarizedSpans, replaceSegments, setVoices } from './diarizations.store.ts'
import { type FoundSpeakers, findSpeakers, speakerTurnsOf } from './find-speakers.ts'
import { listVoices } from './voices.store.ts'

type Outcome = { segments: StoredSegment[]; speakers: StoredSpeaker[] | null; warnings: Warning[] }

/**
 * Finds the speakers of a transcription whose spans are all finished, and writes them to its segments, which
 * are cut where the speaker changes. What goes wrong is a warning: the transcript never depends on it.
 */
export async function finishSpeakers(
  tx: Transaction,
  { row, segments, log }: { row: Transcription; segments: StoredSegment[]; log: Log },
): Promise<Outcome> {
  if (!row.diarize) return { segments, speakers: null, warnings: [] }
  const spans = await listDiarizedSpans(tx, row.id)
  const known = await listVoices(tx, row.userId)
  const warnings = warningsOf(spans)
  if (spans.every(({ problem }) => problem !== null)) return { segments, speakers: null, warnings }
  const found = attempt(() => {
    const found = findSpeakers(spans, { ...row, known })
    return { ...found, cut: cutAll(segments, { spans, ...found }) }
  })
  if (found instanceof Error) {
    log(`cannot find the speakers of ${row.id}`, found)
    await writeVoices(tx, { row, spans, speakerOf: new Map() })
    return { segments, speakers: null, warnings: [missing('the voices could not be compared')] }
  }
  await replaceSegments(tx, { transcriptionId: row.id, rows: found.cut })
  await writeVoices(tx, { row, spans, speakerOf: found.speakerOf })
  return { segments: await segmentsOf(tx, row), speakers: found.speakers, warnings }
}

/** Writes the speaker of each voice, and removes its embedding. */
async function writeVoices(
  tx: Transaction,
  {
    row,
    spans,
    speakerOf,
  }: { row: Transcription; spans: DiarizedSpan[]; speakerOf: FoundSpeakers['speakerOf'] },
): Promise<void> {
  for (const { spanId, voices } of spans) {
    if (voices.length === 0) continue
    const speakers = speakerOf.get(spanId)
    const named = voices.map((voice) => ({
      ...voice,
      // Biometric data that is needed no more. An ephemeral transcription is deleted with its response.
      embedding: row.isEphemeral ? voice.embedding : null,
      speaker: speakers?.get(voice.voice) ?? null,
    }))
    await setVoices(tx, { spanId, voices: named })
  }
}

function attempt<T>(find: () => T): T | Error {
  try {
    return find()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function cutAll(
  segments: StoredSegment[],
  { spans, speakerOf }: { spans: DiarizedSpan[]; speakerOf: FoundSpeakers['speakerOf'] },
) {
  const bySpan = Map.groupBy(segments, ({ spanId }) => spanId)
  return spans.flatMap((span) => {
    const spoken = (bySpan.get(span.spanId) ?? []).toSorted((a, b) => a.position - b.position)
    const cut = cutBySpeaker(spoken, speakerTurnsOf(span, speakerOf.get(span.spanId)))
    return cut.map(({ channel: _, ...segment }, position) => ({ ...segment, position }))
  })
}

/** The warning that some or all of the audio has no speakers, with the first reason. */
function warningsOf(spans: DiarizedSpan[]): Warning[] {
  const failed = spans.filter(({ problem }) => problem !== null)
  const reason = failed[0]?.problem
  if (!reason) return []
  if (failed.length === spans.length) return [missing(reason)]
  return [missing(reason, `in ${secondsOf(failed)} of ${secondsOf(spans)} seconds of the audio`)]
}

const missing = (reason: string, where = ''): Warning => ({
  code: 'speakers_missing',
  message: `Speakers were not told apart${where && ` ${where}`}: ${reason.replace(/\.$/, '')}.`,
})

const secondsOf = (spans: DiarizedSpan[]) =>
  Math.round(
    spans.reduce((sum, { startSample, endSample }) => sum + endSample - startSample, 0) / SAMPLE_RATE,
  )
