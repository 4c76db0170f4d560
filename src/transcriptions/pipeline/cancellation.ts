import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import { findTranscription, isFinished } from '../transcriptions.store.ts'

/** Fires `over` once the transcription is canceled, failed or removed, by whatever process; for as long as it is used. */
export function watchCancellation(
  { db, changes }: { db: Database; changes: Changes },
  transcriptionId: string,
): { over: AbortSignal } & Disposable {
  const control = new AbortController()
  const look = async () => {
    const row = await findTranscription(db, transcriptionId)
    if (!row || isFinished(row)) control.abort(new Error('the transcription is over'))
  }
  // What cannot be read now is looked at again with the next change; a result is fenced in any case.
  const stop = changes.listen(transcriptionId, () => void look().catch(() => {}))
  return { over: control.signal, [Symbol.dispose]: stop }
}
