import type { Database } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import type { Objects } from '../../storage/storage.ts'
import { isUuid } from '../../uuid.ts'
import { audioMissing } from '../pipeline/prepare-again.ts'
import { audioKey } from '../storage-keys.ts'
import { findTranscription } from '../transcriptions.store.ts'
import { invalidLink, type LinkSigner, type SignedLink } from './signed-links.ts'

export const audioPath = (id: string) => `/api/transcriptions/${id}/audio`

/**
 * Opens the original audio for a signed link. Throws `not_found` if the link is invalid, and `audio_removed`.
 */
export async function openAudio(
  { db, links, storage }: { db: Database; links: LinkSigner; storage: Pick<Objects, 'read'> },
  { id, expires, signature }: SignedLink,
) {
  const isValid = isUuid(id) && links.verify({ path: audioPath(id), expires, signature })
  const row = isValid ? await findTranscription(db, id) : null
  if (!row) throw invalidLink('audio')
  if (row.audioRemovedAt) {
    throw new VerbatimError('audio_removed', 'The audio was removed; its transcript is kept')
  }
  return {
    etag: `"${row.audioSha256}"`,
    type: row.contentType,
    bytes: row.audioBytes,
    filename: row.filename ?? 'audio',
    read: (range: { start: number; end: number }) =>
      storage.read(audioKey(id), range).catch((error: unknown) => {
        const isMissing = error instanceof VerbatimError && error.code === 'not_found'
        throw isMissing ? audioMissing(error) : error
      }),
  }
}
