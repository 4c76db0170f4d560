import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Storage } from '../storage/storage.ts'
import {
  findExpiredUploads,
  findKnownUploads,
  removeUpload,
  UPLOADS_FOLDER,
  uploadFolder,
} from '../uploads/uploads.store.ts'
import { isUuid } from '../uuid.ts'
import { forgetKeys } from './idempotency.store.ts'
import { KEPT_SECONDS } from './idempotency.ts'
import { FOLDER, folderOf } from './keys.ts'
import {
  findExpired,
  findForsaken,
  findKnown,
  hasTranscriptions,
  markAudioRemoved,
  removeTranscription,
} from './sweep.store.ts'

const DAY_MS = 86_400_000
const BATCH = 500
/** Whoever waits for a transcription answers as soon as it is over. */
const FORSAKEN_MS = 3_600_000

export type Sweep = {
  db: Database
  storage: Storage
  /** Without it audio is kept. */
  retentionDays: number | undefined
  /** Whether this process, of all that share the storage, is the one to look through the whole of it now; it is without this. */
  isTurn?: () => Promise<boolean>
  log: Log
  /** Stops it between two steps. */
  signal: AbortSignal
}

export type Swept = {
  /** Transcriptions whose audio was removed because of their age. */
  expired: number
  /** Uploads that nobody went on with. */
  uploads: number
  /** Folders that were no transcription's, and no upload's. */
  orphans: number
  /** Writes that had never ended. */
  abandoned: number
}

/**
 * Removes what is stored for nothing. Several processes may do it at once, and one that is killed in the middle leaves
 * what the next one finds again. What fails is logged, and left for the next time.
 *
 * `leftBefore`: what no row knows, and what is only half written, is taken for left behind when it is older. An upload
 * is stored some time before it has its row, and some stores tell of a long one when it began: so a day, unless the
 * caller knows that there is no upload under way that began before.
 */
export async function sweep(options: Sweep, leftBefore = new Date(Date.now() - DAY_MS)): Promise<Swept> {
  const { storage, retentionDays, log, signal } = options
  const counted = (work: Promise<number>) =>
    work.catch((error: unknown) => {
      if (!signal.aborted) log('sweeping the storage failed; it is tried again within the hour', error)
      return 0
    })
  await counted(removeForsaken(options))
  await counted(forgetKeys(options.db, { keptSeconds: KEPT_SECONDS }))
  return {
    expired: retentionDays === undefined ? 0 : await counted(removeExpired(options, retentionDays)),
    uploads: await counted(removeExpiredUploads(options)),
    orphans: await counted(removeOrphans(options, leftBefore)),
    abandoned: await counted(storage.removeAbandoned(leftBefore)),
  }
}

async function removeForsaken({ db, storage, signal }: Sweep): Promise<number> {
  const ids = await findForsaken(db, { before: new Date(Date.now() - FORSAKEN_MS) })
  for (const id of ids) {
    signal.throwIfAborted()
    await storage.remove(folderOf(id))
    await removeTranscription(db, id)
  }
  return ids.length
}

async function removeExpired({ db, storage, signal }: Sweep, retentionDays: number): Promise<number> {
  const before = new Date(Date.now() - retentionDays * DAY_MS)
  let removed = 0
  for (let after: string | null = null; ; ) {
    const ids: string[] = await findExpired(db, { before, after, limit: BATCH })
    for (const id of ids) {
      signal.throwIfAborted()
      // The other way round a crash would leave files that no sweep looks for again.
      await storage.remove(folderOf(id))
      await markAudioRemoved(db, id)
      removed++
    }
    const last = ids.at(-1)
    if (last === undefined || ids.length < BATCH) return removed
    after = last
  }
}

async function removeExpiredUploads({ db, storage, signal }: Sweep): Promise<number> {
  let removed = 0
  for (;;) {
    const ids = await findExpiredUploads(db, BATCH)
    for (const id of ids) {
      signal.throwIfAborted()
      await storage.remove(uploadFolder(id))
      await removeUpload(db, id)
      removed++
    }
    if (ids.length < BATCH) return removed
  }
}

/** Where folders lie, and how to tell those that are someone's. */
const PLACES = [
  { place: FOLDER, knownOf: findKnown },
  { place: UPLOADS_FOLDER, knownOf: findKnownUploads },
]

async function removeOrphans(options: Sweep, before: Date): Promise<number> {
  const { db, storage, signal, isTurn } = options
  // A database without a single transcription is rather a new one, or the wrong one, than the owner of orphans alone.
  if (!(await hasTranscriptions(db)) || (isTurn && !(await isTurn()))) return 0
  let removed = 0
  for (const { place, knownOf } of PLACES) {
    for await (const ids of batches(foldersOlderThan(options, { place, before }))) {
      const known = await knownOf(db, ids.filter(isUuid))
      for (const id of ids) {
        if (known.has(id)) continue
        signal.throwIfAborted()
        await storage.remove(`${place}/${id}`)
        removed++
      }
    }
  }
  return removed
}

/** The names of folders in which nothing was written since `before`. */
async function* foldersOlderThan(
  { storage, signal }: Sweep,
  { place, before }: { place: string; before: Date },
): AsyncGenerator<string> {
  let folder: string | undefined
  let old = true
  for await (const { key, modifiedAt } of storage.list(place)) {
    signal.throwIfAborted()
    const name = key.split('/')[1]
    if (name !== folder) {
      if (folder !== undefined && old) yield folder
      folder = name
      old = true
    }
    old &&= modifiedAt < before
  }
  if (folder !== undefined && old) yield folder
}

async function* batches(names: AsyncIterable<string>): AsyncGenerator<string[]> {
  let batch: string[] = []
  for await (const name of names) {
    batch.push(name)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
