import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import { findTranscription, isFinished } from '../transcriptions.store.ts'

/**
 * `canceled` fires when any process completes, cancels, fails or removes the transcription. Dispose of the
 * result to stop watching.
 */
export function watchCancellation(
  { db, changes }: { db: Database; changes: Changes },
  transcriptionId: string,
): { canceled: AbortSignal } & Disposable {
  const controller = new AbortController()
  const check = async () => {
    const row = await findTranscription(db, transcriptionId)
    if (!row || isFinished(row)) controller.abort(new Error('the transcription has finished or was removed'))
  }
  // A failed read is repeated with the next change. Results are fenced in any case.
  const stop = changes.listenForEnd(transcriptionId, () => void check().catch(() => {}))
  return { canceled: controller.signal, [Symbol.dispose]: stop }
}
