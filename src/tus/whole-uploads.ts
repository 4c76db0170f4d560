import { withUserLock } from '../auth/users.store.ts'
import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { BeginUpload, Callback, WholeUpload, WholeUploads } from '../intake.ts'
import type { Objects } from '../storage/storage.ts'
import type { StorageQuota } from '../storage-quota.ts'
import { chunksMissing, joinedChunks } from './joined-chunks.ts'
import { parseMetadata } from './metadata.ts'
import { requireOwnedUpload } from './owned-upload.ts'
import { requireFewUnfinished } from './unfinished-limit.ts'
import { chunkKey, insertWholeUpload, removeUpload, type Upload, uploadFolder } from './uploads.store.ts'

type Services = {
  db: Database
  storage: Pick<Objects, 'read' | 'write' | 'remove'>
  /** Removes the folder of a deleted row, now or with a sweep. */
  removeFolder: (folder: string) => Promise<void>
  /** Removes a folder that never had a row, now or with a sweep. */
  discardFolder: (folder: string) => Promise<void>
  beginUpload: BeginUpload
  /** Reads the original of a transcription. Throws `not_found`. */
  readOriginal: (transcriptionId: string) => Promise<ReadableStream<Uint8Array>>
  /** Null: unlimited. */
  storageQuota: StorageQuota | null
  /** Counts one upload of the user until it is disposed of. Throws `too_many_at_once`. */
  concurrencyLimit: (userId: string) => Disposable
}

/** Errors of the audio itself, which no other options avoid. */
const AUDIO_ERRORS = ['unsupported_type', 'corrupt', 'no_audio_track']

/** Each upload is a resumable upload with one chunk: it has the same expiry, limits and sweep. */
export function createWholeUploads(services: Services): WholeUploads {
  return {
    begin: (userId) => beginWholeUpload(services, userId),

    async transcribe({ fields, callback, ...keys }) {
      for (;;) {
        const upload = await requireOwnedUpload(services.db, keys)
        requireComplete(upload)
        const id = await transcribeOnce(services, { upload, fields, callback })
        if (id !== null) return id
      }
    },
  }
}

async function beginWholeUpload(
  { db, storage, discardFolder, storageQuota, concurrencyLimit }: Services,
  userId: string,
): Promise<WholeUpload> {
  using holds = new DisposableStack()
  holds.use(concurrencyLimit(userId))
  await requireFewUnfinished(db, userId)
  const incoming = storageQuota ? holds.use(await storageQuota.begin(userId)) : null
  const ownHolds = holds.move()
  const id = crypto.randomUUID()
  let isKept = false

  return {
    store: (body) => storage.write(chunkKey(id, 1), body, incoming ? { onChunk: incoming.add } : {}),

    async commit({ filename, stored: { bytes } }) {
      if (bytes === 0) throw new VerbatimError('empty', 'The audio file is empty')
      await withUserLock(db, userId, async (tx) => {
        await requireFewUnfinished(tx, userId)
        await insertWholeUpload(tx, { id, userId, length: bytes, metadata: metadataOf(filename) })
        await storageQuota?.require(tx, { userId, bytes })
      })
      isKept = true
      return id
    },

    async [Symbol.asyncDispose]() {
      if (!isKept) await discardFolder(uploadFolder(id))
      ownHolds.dispose()
    },
  }
}

/** Null if another request took the upload meanwhile, perhaps with other options. */
async function transcribeOnce(
  { db, storage, removeFolder, beginUpload, readOriginal }: Services,
  { upload, fields, callback }: { upload: Upload; fields: Map<string, string>; callback: Callback | null },
): Promise<string | null> {
  const { id: uploadId, userId, transcriptionId } = upload
  const isFirst = transcriptionId === null
  const filename = parseMetadata(upload.metadata).get('filename') ?? null
  await using intake = await beginUpload({ userId, uploadId: isFirst ? uploadId : null })
  const audio = async () => (isFirst ? joinedChunks(storage, upload) : readOriginal(transcriptionId))
  try {
    const stored = await audio().then(intake.store).catch(chunksMissing)
    const id = await intake.commit({ fields, file: { filename, stored }, callback })
    // If this fails, the sweep removes the folder once the upload has expired.
    if (isFirst) await storage.remove(uploadFolder(uploadId)).catch(() => {})
    return id === intake.id ? id : null
  } catch (error) {
    // The other request may have removed the chunks while they were read here.
    if (isFirst && (await requireOwnedUpload(db, upload)).transcriptionId !== null) return null
    if (error instanceof VerbatimError && AUDIO_ERRORS.includes(error.code)) {
      await removeUpload(db, uploadId)
      await removeFolder(uploadFolder(uploadId))
    }
    throw error
  }
}

function requireComplete({ offset, length }: Upload): void {
  if (offset === length) return
  throw new VerbatimError('validation', `The upload has ${offset} of ${length} bytes: send the rest first`)
}

/** As `Upload-Metadata` of the tus protocol. */
const metadataOf = (filename: string | null) =>
  filename ? `filename ${new TextEncoder().encode(filename).toBase64()}` : ''
