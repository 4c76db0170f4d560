import type { Transaction } from '../db/database.ts'
import { joinTexts } from './languages.ts'
import { languagesOf } from './transcript.ts'
import { complete, segmentsOf, type Transcription } from './transcriptions.store.ts'

/** Completes a transcription all of whose audio is decoded and transcribed, with the text from all segments in order. */
export async function finishIfDone(tx: Transaction, row: Transcription): Promise<void> {
  if (row.workSamples === null || row.doneSamples < row.workSamples) return
  const segments = await segmentsOf(tx, row)
  await complete(tx, {
    id: row.id,
    text: joinTexts(segments.map((segment) => segment.text)),
    detectedLanguage: languagesOf(segments)[0] ?? null,
  })
}
