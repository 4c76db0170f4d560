import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Storage } from '../storage/storage.ts'
import { forgetKeys } from '../transcriptions/intake/idempotency.store.ts'
import { KEPT_SECONDS } from '../transcriptions/intake/idempotency.ts'
import { findPendingRemovals, deleteOldRemovals, markRemoved } from '../transcriptions/removals.store.ts'
import { folderOf } from '../transcriptions/storage-keys.ts'
import { findExpiredUploads, removeUpload } from '../tus/uploads.store.ts'
import { type OrphanSweep, sweepOrphans } from './orphans.ts'
import { setSweepStopped } from './storage-owner.store.ts'
import { ownershipOf } from './storage-owner.ts'
import { findExpired, findOrphanedEphemeral, markAudioRemoved, removeTranscription } from './sweep.store.ts'

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
} & Pick<OrphanSweep, 'acceptAgain' | 'orphanDays' | 'maxOrphans'>

export type Swept = {
  /** Transcriptions whose audio was removed because of their age. */
  expired: number
  /** Resumable uploads that expired. */
  uploads: number
  /** Folders without a row, past their quarantine. */
  orphans: number
  /** Writes that had never ended. */
  abandoned: number
  /** Uploads whose rows were lost, and which are transcribed again. */
  acceptedAgain: number
}

/**
 * Removes what is no longer needed from the storage. Files go because a row says so: it was deleted, or is old enough. Folders
 * without a row, which an older database has too, are kept in quarantine first, and the sweep stops if there are many.
 * Several processes may sweep at once, and one that is killed in the middle leaves the rest to the next. What fails is logged,
 * and tried again an hour later.
 *
 * `leftBefore`: folders without a row, and half-written files, are taken for left behind if they are older. An upload is
 * stored some time before it has its row, and some stores date a long one when it began: so a day, unless the caller
 * knows that no upload is under way that began before.
 */
export async function sweep(options: Sweep, leftBefore = new Date(Date.now() - DAY_MS)): Promise<Swept> {
  const { db, storage, retentionDays, log, signal } = options
  const swept: Swept = { expired: 0, uploads: 0, orphans: 0, abandoned: 0, acceptedAgain: 0 }
  const trying = async (work: () => Promise<void>) =>
    work().catch((error: unknown) => {
      if (!signal.aborted) log('sweeping the storage failed; it is tried again within the hour', error)
    })
  let isOwn = false
  await trying(async () => {
    isOwn = await isOwnStorage(options)
  })
  if (!isOwn) return swept
  await trying(() => removeForsaken(db))
  await trying(async () => void (await forgetKeys(db, { keptSeconds: KEPT_SECONDS })))
  await trying(async () => {
    if (retentionDays !== undefined) swept.expired = await removeExpired(options, retentionDays)
  })
  await trying(async () => {
    swept.uploads = await removeExpiredUploads(options)
  })
  await trying(() => finishRemovals(options))
  await trying(async () => {
    if (options.isTurn && !(await options.isTurn())) return
    Object.assign(swept, await sweepOrphans(options, leftBefore))
  })
  await trying(async () => {
    swept.abandoned = await storage.removeAbandoned(leftBefore)
  })
  return swept
}

/** Whether the storage belongs to this database. If it does not, nothing is removed, and an operator is told. */
async function isOwnStorage({ db, storage, log }: Sweep): Promise<boolean> {
  const ownership = await ownershipOf({ db, storage })
  if (ownership === 'own') return true
  const reason = `the storage is not this database's (${ownership}): restart the service to see what to do`
  log(`the sweep removes nothing: ${reason}`)
  await setSweepStopped(db, reason)
  return false
}

/** Their files go with `finishRemovals`. */
async function removeForsaken(db: Database): Promise<void> {
  const ids = await findOrphanedEphemeral(db, { before: new Date(Date.now() - FORSAKEN_MS) })
  for (const id of ids) await removeTranscription(db, id)
}

/** Removes the folders whose rows were deleted, as far as whoever deleted them has not. */
async function finishRemovals({ db, storage, signal }: Sweep): Promise<void> {
  for (;;) {
    const folders = await findPendingRemovals(db, BATCH)
    for (const folder of folders) {
      signal.throwIfAborted()
      await storage.remove(folder)
      await markRemoved(db, folder)
    }
    if (folders.length < BATCH) break
  }
  await deleteOldRemovals(db)
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

/** Their files go with `finishRemovals`. */
async function removeExpiredUploads({ db, signal }: Sweep): Promise<number> {
  let removed = 0
  for (;;) {
    const ids = await findExpiredUploads(db, BATCH)
    for (const id of ids) {
      signal.throwIfAborted()
      await removeUpload(db, id)
      removed++
    }
    if (ids.length < BATCH) return removed
  }
}
