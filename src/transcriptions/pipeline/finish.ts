import type { Transaction } from '../../db/database.ts'
import { ENGINES_WITH_HINT, type EngineName } from '../../engines/engine.ts'
import type { Log } from '../../log.ts'
import { type Traces, withTraceSpan } from '../../traces/traces.ts'
import type { Warning } from '../../warnings.ts'
import { workOf } from '../span-statistics.store.ts'
import { type HeardInSpan, listHeard } from '../spans.store.ts'
import { finishSpeakers } from '../speakers/finish-speakers.ts'
import { languagesOf } from '../transcript/detected-languages.ts'
import { textOf } from '../transcript/turns.ts'
import { withVoices } from '../transcript/voices.ts'
import { complete, type StoredSegment, segmentsOf, type Transcription } from '../transcriptions.store.ts'
import { type Heard, languageMismatch } from './language-mismatch.ts'

/** The segments of a transcription, and the languages that were heard in its spans. */
type Transcribed = { segments: StoredSegment[]; heard: HeardInSpan[] }

/**
 * Completes a transcription if all of its audio is decoded and transcribed, and returns whether it did. If
 * so, the caller removes the pcm after the commit. `only`: what the caller has just written, if that is all.
 */
export async function finishIfDone(
  tx: Transaction,
  {
    row,
    only = null,
    traces,
    log,
  }: { row: Transcription; only?: Transcribed | null; traces: Traces; log: Log },
): Promise<boolean> {
  if (row.workSamples === null || row.doneSamples < row.workSamples) return false
  const attributes = { 'verbatim.transcription.id': row.id }
  await withTraceSpan(traces, { name: 'finish', kind: 'internal', attributes }, async (traceSpan) => {
    const transcribed = only?.segments ?? (await segmentsOf(tx, row))
    const { segments, speakers, warnings } = await finishSpeakers(tx, { row, segments: transcribed, log })
    traceSpan.setAttributes({ 'verbatim.segments': segments.length })
    const text = textOf(withVoices(segments, { ...row, speakers }))
    const detectedLanguage = languagesOf(segments)[0] ?? null
    await complete(tx, {
      id: row.id,
      text,
      detectedLanguage,
      language: row.isLanguageDefault ? (detectedLanguage ?? row.language) : row.language,
      speakers,
      warnings: [
        ...row.warnings,
        ...warnings,
        ...(await warningsOf(tx, { row, segments, text, detectedLanguage, only })),
      ],
    })
  })
  return true
}

const NO_SPEECH: Warning = {
  code: 'no_speech',
  message: 'No speech was found, so the transcript is empty.',
}

/** What is doubtful in the result. */
async function warningsOf(
  tx: Transaction,
  {
    row,
    segments,
    text,
    detectedLanguage,
    only,
  }: {
    row: Transcription
    segments: StoredSegment[]
    text: string
    detectedLanguage: string | null
    only: Transcribed | null
  },
): Promise<Warning[]> {
  if (text === '') return [NO_SPEECH]
  const ignored = await ignoredHints(tx, row)
  if (row.language === 'auto') return ignored
  const allHeard = only?.heard ?? (await listHeard(tx, row.id))
  const { heard, speechSeconds } = speechOf(segments, allHeard)
  const mismatch = languageMismatch({ row, used: detectedLanguage, heard, speechSeconds })
  return mismatch ? [mismatch, ...ignored] : ignored
}

/** The warning that an engine did not receive the hints of the upload. */
async function ignoredHints(tx: Transaction, row: Transcription): Promise<Warning[]> {
  const messages = [...(await hintsIgnoredElsewhere(tx, row)), ...temperatureIgnored(row)]
  return messages.length > 0 ? [{ code: 'hints_ignored', message: messages.join(' ') }] : []
}

function temperatureIgnored({ temperature }: Transcription): string[] {
  if (temperature === 0) return []
  return [`temperature ${temperature} had no effect: engines choose it by the confidence of each passage.`]
}

async function hintsIgnoredElsewhere(tx: Transaction, row: Transcription): Promise<string[]> {
  const hints = (['prompt', 'keywords', 'languages'] as const).filter((hint) => row[hint]?.length)
  if (hints.length === 0) return []
  const engines = (await workOf(tx, row.id)).flatMap(({ engine }) => engine ?? [])
  const ignored = hints.filter((hint) => {
    const taking: readonly EngineName[] = ENGINES_WITH_HINT[hint]
    return engines.some((engine) => !taking.includes(engine))
  })
  if (ignored.length === 0) return []
  return [
    `An engine other than the sidecar transcribed some or all of the audio: ${ignored.join(' and ')} had no effect there.`,
  ]
}

/** The languages that engines heard, by the seconds of speech in their spans. */
function speechOf(
  segments: StoredSegment[],
  heard: HeardInSpan[],
): { heard: Heard[]; speechSeconds: number } {
  const secondsIn = new Map<string, number>()
  for (const { spanId, start, end } of segments) {
    secondsIn.set(spanId, (secondsIn.get(spanId) ?? 0) + end - start)
  }
  return {
    heard: heard.map(({ id, ...detected }) => ({ ...detected, seconds: secondsIn.get(id) ?? 0 })),
    speechSeconds: [...secondsIn.values()].reduce((sum, seconds) => sum + seconds, 0),
  }
}
