import { withUserLock } from '../auth/users.store.ts'
import type { Database, Transaction } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { StorageQuota } from '../quota.ts'
import type { Objects } from '../storage/storage.ts'
import { isUuid } from '../uuid.ts'
import { abortable } from './abortable.ts'
import { parseMetadata } from './metadata.ts'
import {
  addChunk,
  becomeTranscription,
  beginChunk,
  chunkKey,
  countUnfinished,
  findUpload,
  insertUpload,
  removeUpload,
  type Upload,
  type UploadKeys,
  uploadFolder,
} from './uploads.store.ts'

type Stored = { bytes: number; sha256: string }
type Store = (body: ReadableStream<Uint8Array>) => Promise<Stored>

/** How an upload becomes a transcription: as one that comes in a single request. */
export type TakeIn = (options: {
  userId: string
  receive: (store: Store) => Promise<{
    fields: Map<string, string>
    file: { filename: string | null; stored: Stored }
  }>
  uploadId: string
  /** Runs in the transaction that writes the transcription down. */
  within: (tx: Transaction, transcriptionId: string) => Promise<void>
  isReserved: true
}) => Promise<string>

/** As clients are told of it. */
export type UploadState = Pick<
  Upload,
  'id' | 'length' | 'offset' | 'metadata' | 'transcriptionId' | 'expiresAt'
>

export type TusService = ReturnType<typeof createTusService>

/** More pieces than this is an attack, or a client that sends byte by byte. */
const MAX_PIECES = 10_000
const MAX_UNFINISHED = 100
/** Refusals that the same bytes would meet again. */
const FINAL = [
  'validation',
  'url_refused',
  'empty',
  'unsupported_type',
  'corrupt',
  'no_audio_track',
  'part_outside',
  'too_long',
]

/**
 * Uploads that can be broken off and gone on with. Each request's bytes are a piece in storage; the last one's brings
 * them together to a transcription. Everything throws `not_found` also for another user's, and `upload_expired`.
 */
export function createTusService({
  db,
  storage,
  removeFolder,
  takeIn,
  checkFields,
  maxBytes,
  storageQuota,
  concurrencyLimit,
}: {
  db: Database
  storage: Objects
  /** Removes the folder of a row that was deleted, now or with a sweep. */
  removeFolder: (folder: string) => Promise<void>
  takeIn: TakeIn
  /** Throws `validation`, `url_refused` and `url_failed` where a transcription would not take these fields. */
  checkFields: (fields: Map<string, string>) => Promise<void>
  maxBytes: number
  /** An upload counts with its declared length from its creation on. Null: a user may store any amount. */
  storageQuota: StorageQuota | null
  /** Takes a place of the user's while a piece arrives. Throws `too_many_at_once`. */
  concurrencyLimit: (userId: string) => Disposable
}) {
  const arriving = new Map<string, AbortController>()
  const finishing = new Map<string, Promise<Upload>>()

  async function owned(keys: UploadKeys): Promise<Upload> {
    const row = isUuid(keys.id) ? await findUpload(db, keys) : null
    if (!row) throw new VerbatimError('not_found', 'Upload not found')
    if (row.expiresAt < new Date()) {
      throw new VerbatimError('upload_expired', 'The upload has expired: start it anew')
    }
    return row
  }

  /**
   * Makes a transcription of what is whole. Requests that come here meanwhile get the same outcome, since each would store
   * the whole audio again; if two processes do it at once, one of them is undone.
   * What can never become one is removed, with the reason thrown.
   */
  async function finished(row: Upload): Promise<Upload> {
    if (row.transcriptionId !== null || row.offset < row.length) return row
    const begun = finishing.get(row.id) ?? finish(row).finally(() => finishing.delete(row.id))
    finishing.set(row.id, begun)
    return begun
  }

  async function finish(row: Upload): Promise<Upload> {
    const fields = parseMetadata(row.metadata)
    try {
      await takeIn({
        userId: row.userId,
        uploadId: row.id,
        receive: async (store) => {
          const stored = await store(joined(storage, row))
          return { fields, file: { filename: fields.get('filename') ?? fields.get('name') ?? null, stored } }
        },
        within: async (tx, transcriptionId) => {
          if (!(await becomeTranscription(tx, { id: row.id, transcriptionId }))) throw new Overtaken()
        },
        isReserved: true,
      })
    } catch (error) {
      const code = error instanceof VerbatimError ? error.code : null
      if (FINAL.some((final) => final === code)) await remove(row.id)
      if (code === 'not_found') throw partsMissing(error)
      if (!(error instanceof Overtaken)) throw error
    }
    await storage.remove(uploadFolder(row.id))
    return owned(row)
  }

  /** Breaks off what arrives for the same upload from a request before. */
  async function receivedAlone(
    id: string,
    receive: (signal: AbortSignal) => Promise<Stored>,
  ): Promise<Stored> {
    const control = new AbortController()
    arriving.get(id)?.abort(new VerbatimError('wrong_offset', 'The upload is resumed by another request'))
    arriving.set(id, control)
    try {
      return await receive(control.signal)
    } finally {
      if (arriving.get(id) === control) arriving.delete(id)
    }
  }

  async function remove(id: string): Promise<void> {
    await removeUpload(db, id)
    await removeFolder(uploadFolder(id))
  }

  return {
    maxBytes,

    /** Throws `too_large`, `empty`, `too_many_uploads`, `storage_quota_reached`, and what `checkFields` throws. */
    async create({
      userId,
      length,
      metadata,
    }: {
      userId: string
      length: number
      metadata: string
    }): Promise<UploadState> {
      if (length > maxBytes) {
        throw new VerbatimError(
          'too_large',
          `The audio file is larger than the ${maxBytes} bytes that this server takes`,
        )
      }
      if (length === 0) throw new VerbatimError('empty', 'The audio file is empty')
      await checkFields(parseMetadata(metadata))
      return withUserLock(db, userId, async (tx) => {
        if ((await countUnfinished(tx, userId)) >= MAX_UNFINISHED) {
          throw new VerbatimError(
            'too_many_uploads',
            `You have ${MAX_UNFINISHED} unfinished uploads: finish or delete one first`,
          )
        }
        const row = await insertUpload(tx, { userId, length, metadata })
        if (!row) throw new Error('the upload was not written down')
        await storageQuota?.require(tx, { userId, bytes: length })
        return row
      })
    },

    /**
     * Takes in a piece that begins at `offset`, which `receive` brings to a store, as much of it as comes. Of two that
     * come at once the later holds, and the one before it is broken off, so that no more is stored than was declared. Throws
     * `wrong_offset`, `too_many_at_once`, what `receive` throws, and where the file is whole by it what an upload throws that is
     * not taken.
     */
    async append({
      offset,
      receive,
      ...keys
    }: UploadKeys & {
      offset: number
      receive: (store: Store, maxBytes: number) => Promise<Stored>
    }): Promise<UploadState> {
      using _place = concurrencyLimit(keys.userId)
      const before = await owned(keys)
      if (before.offset !== offset) throw wrongOffset(before)
      if (before.offset === before.length) return finished(before)
      if (before.pieces.length >= MAX_PIECES) {
        throw new VerbatimError('validation', `The upload comes in more than ${MAX_PIECES} pieces`)
      }
      const row = await beginChunk(db, { ...keys, offset })
      if (!row) throw wrongOffset(await owned(keys))
      const { id, piece } = row
      const { bytes } = await receivedAlone(id, (signal) =>
        receive((body) => storage.write(chunkKey(id, piece), abortable(body, signal)), row.length - offset),
      )
      const after = bytes === 0 ? row : await addChunk(db, { id, piece, bytes })
      if (bytes === 0 || !after) await storage.remove(chunkKey(id, piece))
      if (!after) throw wrongOffset(await owned(keys))
      return finished(after)
    },

    /** Also ends what was whole when the service died, or the storage had no room. */
    async read(keys: UploadKeys): Promise<UploadState> {
      return finished(await owned(keys))
    },

    /** Removes what is there of it; a transcription that it has become stays. */
    async remove(keys: UploadKeys): Promise<void> {
      await remove((await owned(keys)).id)
    },

    /** Removes every byte of uploads whose rows are gone. */
    async removeFiles(ids: string[]): Promise<void> {
      for (const id of ids) await removeFolder(uploadFolder(id))
    },
  }
}

/** As after a restore, or a power cut on the embedded database. */
function partsMissing(cause: unknown) {
  return new VerbatimError('upload_expired', 'Parts of the upload are missing: start a new upload', { cause })
}

/** Another request has made a transcription of the same upload, or it is gone. */
class Overtaken extends Error {}

function joined(storage: Objects, { id, pieces }: Upload): ReadableStream<Uint8Array> {
  async function* chunks() {
    for (const piece of pieces) yield* await storage.read(chunkKey(id, piece))
  }
  const all = chunks()
  return new ReadableStream(
    {
      async pull(control) {
        const { done, value } = await all.next()
        if (done) control.close()
        else control.enqueue(value)
      },
      async cancel() {
        await all.return()
      },
    },
    { highWaterMark: 0 },
  )
}

function wrongOffset({ offset }: Pick<Upload, 'offset'>) {
  return new VerbatimError('wrong_offset', `The upload goes on at byte ${offset}`)
}
