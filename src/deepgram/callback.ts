import type { Database } from '../db/database.ts'
import { transcriptionNotFound } from '../transcriptions/owned.ts'
import { detailsOf, readTranscript } from '../transcriptions/reading/transcript.ts'
import { findTranscription } from '../transcriptions/transcriptions.store.ts'
import { parseListen } from './parameters.ts'
import { listenResponse } from './response.ts'

/**
 * Writes Deepgram's message to a `callback`: the response of `/v1/listen`, or the error. Its `request_id` is
 * the id of the transcription. Throws `not_found`.
 */
export function createDeepgramCallback({ db }: { db: Database }) {
  return async ({
    transcriptionId: id,
    isCompleted,
    request,
  }: {
    transcriptionId: string
    isCompleted: boolean
    request: string | null
  }): Promise<string> => {
    const row = await findTranscription(db, id)
    if (!row) throw transcriptionNotFound()
    if (!isCompleted) {
      return JSON.stringify({
        err_code: (row.errorCode ?? 'canceled').toUpperCase(),
        err_msg: row.errorMessage ?? 'The transcription was canceled',
        request_id: id,
      })
    }
    const listen = parseListen(new URLSearchParams(request ?? ''), { engines: [], models: [] })
    const transcript = await detailsOf(db, await readTranscript(db, { row, partial: false }))
    return JSON.stringify(listenResponse(transcript, { listen, requestId: id }))
  }
}
