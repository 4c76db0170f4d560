import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Storage } from '../storage/storage.ts'
import { forgetKeys } from '../transcriptions/intake/idempotency.store.ts'
import { KEPT_SECONDS } from '../transcriptions/intake/idempotency.ts'
import { deleteOldRemovals, findPendingRemovals, markRemoved } from '../transcriptions/removals.store.ts'
import { folderOf } from '../transcriptions/storage-keys.ts'
import { findExpiredUploads, removeUpload } from '../tus/uploads.store.ts'
import { type OrphanSweep, sweepOrphans } from './orphans.ts'
import { setSweepStopped } from './storage-owner.store.ts'
import { ownershipOf } from './storage-owner.ts'
import { findExpired, findOrphanedEphemeral, markAudioRemoved, removeTranscription } from './sweep.store.ts'

const DAY_MS = 86_400_000
const BATCH = 500
/** The request that waits for an ephemeral transcription removes it at once; after this time it has ended. */
const ORPHANED_EPHEMERAL_MS = 3_600_000

export type Sweep = {
  db: Database
  storage: Storage
  /** Days after which audio is removed; undefined: never. */
  retentionDays: number | undefined
  /** Whether this process is the one that scans the whole storage in this hour; undefined: it is. */
  holdsScanLease?: () => Promise<boolean>
  log: Log
  /** Stops the sweep between two steps. */
  signal: AbortSignal
} & Pick<OrphanSweep, 'acceptAgain' | 'orphanDays' | 'maxOrphans'>

export type Swept = {
  /** Transcriptions whose audio was removed after the retention period. */
  expired: number
  /** Resumable uploads that expired. */
  uploads: number
  /** Folders without a row, past their quarantine. */
  orphans: number
  /** Unfinished writes that were removed. */
  abandoned: number
  /** Uploads that had lost their rows and are transcribed again. */
  acceptedAgain: number
}

/**
 * Removes files that are no longer needed from the storage. A file is removed because its row was deleted or
 * has expired. A folder without a row is kept in quarantine first, because an older copy of the database
 * lacks rows too; if there are many, the sweep removes none. Several processes may sweep at once. A step that
 * fails is logged and repeated by the next sweep, an hour later.
 *
 * `leftBefore`: folders without a row and unfinished files count as abandoned if they are older. The default
 * is one day ago, because an upload is stored before it gets its row, and some storages date a file by the
 * start of its upload. A caller that knows when the last upload can have started may pass that time.
 */
export async function sweep(options: Sweep, leftBefore = new Date(Date.now() - DAY_MS)): Promise<Swept> {
  const { db, storage, retentionDays, log, signal } = options
  const swept: Swept = { expired: 0, uploads: 0, orphans: 0, abandoned: 0, acceptedAgain: 0 }
  const attempt = async (work: () => Promise<void>) =>
    work().catch((error: unknown) => {
      if (!signal.aborted) log('sweeping the storage failed; it is repeated within the hour', error)
    })
  let isOwn = false
  await attempt(async () => {
    isOwn = await isOwnStorage(options)
  })
  if (!isOwn) return swept
  await attempt(() => removeOrphanedEphemeral(db))
  await attempt(async () => void (await forgetKeys(db, { keptSeconds: KEPT_SECONDS })))
  await attempt(async () => {
    if (retentionDays !== undefined) swept.expired = await removeExpired(options, retentionDays)
  })
  await attempt(async () => {
    swept.uploads = await removeExpiredUploads(options)
  })
  await attempt(() => finishRemovals(options))
  await attempt(async () => {
    if (options.holdsScanLease && !(await options.holdsScanLease())) return
    Object.assign(swept, await sweepOrphans(options, leftBefore))
  })
  await attempt(async () => {
    swept.abandoned = await storage.removeAbandoned(leftBefore)
  })
  return swept
}

/** Whether the storage belongs to this database. If not, logs it and records that the sweep is stopped. */
async function isOwnStorage({ db, storage, log }: Sweep): Promise<boolean> {
  const ownership = await ownershipOf({ db, storage })
  if (ownership === 'own') return true
  const reason = `the storage is not this database's (${ownership}): restart the service to see the remedy`
  log(`the sweep removes nothing: ${reason}`)
  await setSweepStopped(db, reason)
  return false
}

/** `finishRemovals` removes their files. */
async function removeOrphanedEphemeral(db: Database): Promise<void> {
  const ids = await findOrphanedEphemeral(db, { before: new Date(Date.now() - ORPHANED_EPHEMERAL_MS) })
  for (const id of ids) await removeTranscription(db, id)
}

/** Removes folders whose rows were deleted but whose files could not be removed then. */
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
      // In the other order, a crash would leave files that no later sweep finds.
      await storage.remove(folderOf(id))
      await markAudioRemoved(db, id)
      removed++
    }
    const last = ids.at(-1)
    if (last === undefined || ids.length < BATCH) return removed
    after = last
  }
}

/** `finishRemovals` removes their files. */
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
