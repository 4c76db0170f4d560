import { holdUser } from '../../auth/users.store.ts'
import type { Database } from '../../db/database.ts'
import type { Queue } from '../../queue/queue.ts'
import type { Objects } from '../../storage/storage.ts'
import { becomeTranscription, findUpload } from '../../tus/uploads.store.ts'
import { findRecordedRemovals } from '../removals.store.ts'
import { audioKey, folderOf } from '../storage-keys.ts'
import { findTranscription } from '../transcriptions.store.ts'
import { insertAccepted } from './accepted.ts'
import { findKey, restoreAnswer } from './idempotency.store.ts'
import { type Manifest, readManifest } from './manifest.ts'
import type { UploadWebhooks } from './open-intake.ts'

/** `known`: the upload has a row, or was deleted. `refused`: the reason is for the operator. */
type AcceptedAgain = { kind: 'accepted' | 'known' } | { kind: 'refused'; reason: string }

export type AcceptAgain = (id: string) => Promise<AcceptedAgain>

/**
 * Accepts a stored upload again, under the same id, if its row is lost. An upload that was deleted, or that
 * its client sent again meanwhile, is not accepted.
 */
export function createAcceptAgain({
  db,
  queue,
  storage,
  provideWebhook,
}: {
  db: Database
  queue: Pick<Queue, 'enqueue'>
  storage: Pick<Objects, 'read' | 'size'>
  provideWebhook: UploadWebhooks['provide']
}): AcceptAgain {
  return async (id) => {
    const manifest = await readManifest(storage, id)
    if (!manifest) return refused('its manifest cannot be read')
    if ((await storage.size(audioKey(id))) !== manifest.audio.bytes) return refused('its audio is incomplete')
    return db.transaction(async (tx): Promise<AcceptedAgain> => {
      const { userId, uploadId, idempotency } = manifest
      if (!(await holdUser(tx, { id: userId, strength: 'key share' })))
        return refused('its user does not exist')
      const removed = await findRecordedRemovals(tx, [folderOf(id)])
      if (removed.size > 0 || (await findTranscription(tx, id))) return { kind: 'known' }
      const resumable = uploadId && (await findUpload(tx, { id: uploadId, userId }))
      const isSentAgain = (idempotency && (await findKey(tx, { userId, key: idempotency.key }))) !== null
      if (isSentAgain || (resumable && resumable.transcriptionId !== null))
        return refused('it was sent again')
      const upload = uploadOf(manifest)
      await insertAccepted(tx, { queue, provideWebhook, upload, clip: null, decodeAheadSeconds: 0 })
      if (idempotency) await restoreAnswer(tx, { userId, ...idempotency, transcriptionId: id })
      if (resumable) await becomeTranscription(tx, { id: resumable.id, transcriptionId: id })
      return { kind: 'accepted' }
    })
  }
}

const refused = (reason: string) => ({ kind: 'refused' as const, reason })

function uploadOf({ id, userId, createdAt, options, callback, filename, audio, sound }: Manifest) {
  const origin = { createdAt: new Date(createdAt), isEphemeral: false, traceparent: null }
  return { id, userId, options, callback, filename, audio, inspection: sound, ...origin }
}
