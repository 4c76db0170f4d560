import type { Transaction } from '../../db/database.ts'
import { type Traces, withTraceSpan } from '../../traces/traces.ts'
import { languagesOf } from '../transcript/detected-languages.ts'
import { joinTexts } from '../transcript/languages.ts'
import { complete, segmentsOf, type Transcription } from '../transcriptions.store.ts'

/**
 * Completes a transcription if all of its audio is decoded and transcribed, and returns whether it did. If
 * so, the caller removes the pcm after the commit.
 */
export async function finishIfDone(
  tx: Transaction,
  { row, traces }: { row: Transcription; traces: Traces },
): Promise<boolean> {
  if (row.workSamples === null || row.doneSamples < row.workSamples) return false
  const attributes = { 'verbatim.transcription.id': row.id }
  await withTraceSpan(traces, { name: 'finish', kind: 'internal', attributes }, async (traceSpan) => {
    const segments = await segmentsOf(tx, row)
    traceSpan.setAttributes({ 'verbatim.segments': segments.length })
    await complete(tx, {
      id: row.id,
      text: joinTexts(segments.map((segment) => segment.text)),
      detectedLanguage: languagesOf(segments)[0] ?? null,
    })
  })
  return true
}
