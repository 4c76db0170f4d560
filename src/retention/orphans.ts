import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Storage } from '../storage/storage.ts'
import type { AcceptAgain } from '../transcriptions/intake/accept-again.ts'
import { findRecordedRemovals, markRemoved } from '../transcriptions/removals.store.ts'
import { FOLDER, manifestKey } from '../transcriptions/storage-keys.ts'
import { findKnownUploads, UPLOADS_FOLDER } from '../tus/uploads.store.ts'
import { isUuid } from '../uuid.ts'
import {
  countOrphans,
  deleteOrphan,
  deleteVanishedOrphans,
  findOldOrphans,
  findSeenOrphans,
  type Orphan,
  readDatabaseTime,
  recordOrphans,
} from './orphans.store.ts'
import { setSweepStopped } from './storage-owner.store.ts'
import { renewMarker } from './storage-owner.ts'
import { findExisting, hasTranscriptions } from './sweep.store.ts'

export type OrphanSweep = {
  db: Database
  storage: Storage
  acceptAgain: AcceptAgain
  /** Days for which a folder without a row is kept after it is first seen. */
  orphanDays: number
  /** If there are more orphans, none is removed. */
  maxOrphans: number
  log: Log
  signal: AbortSignal
}

const BATCH = 500
const MAX_LOGGED = 10
/** An upload gets its row shortly after its manifest; after this time the row is lost. */
const ACCEPTING_MS = 3_600_000

/** Parent folders, each with the query that returns which of its folders have a row. */
const PARENTS = [
  { parent: FOLDER, findExisting },
  { parent: UPLOADS_FOLDER, findExisting: findKnownUploads },
]
type Parent = (typeof PARENTS)[number]

/**
 * Scans the storage for folders without a row. An upload that lost its row is accepted again if its manifest
 * exists; a folder whose deletion is recorded is removed; the others are orphans. Orphans are removed
 * `orphanDays` after they were first seen, unless there are more than `maxOrphans`: then the database has
 * probably lost rows.
 */
export async function sweepOrphans(options: OrphanSweep, leftBefore: Date) {
  const { db } = options
  await renewMarker(options)
  const startedAt = await readDatabaseTime(db)
  const totals: Totals = { acceptedAgain: 0, newOrphans: [] }
  for (const parent of PARENTS) {
    for await (const folders of batches(oldFolders(options, { parent: parent.parent, leftBefore }))) {
      await sweepFolders(options, { parent, folders, totals })
    }
  }
  await deleteVanishedOrphans(db, startedAt)
  logOrphans(options, totals.newOrphans)
  const isStopped = await stopIfTooMany(options, await countOrphans(db))
  const removed = isStopped ? 0 : await removeOldOrphans(options)
  return { acceptedAgain: totals.acceptedAgain, orphans: removed }
}

type Totals = { acceptedAgain: number; newOrphans: Orphan[] }

/** `isLeft`: nothing was written to it for so long that no process still writes to it. */
type Folder = { name: string; hasManifest: boolean; isLeft: boolean }

async function sweepFolders(
  { db, storage, acceptAgain, log, signal }: OrphanSweep,
  {
    parent: { parent, findExisting },
    folders,
    totals,
  }: { parent: Parent; folders: Folder[]; totals: Totals },
) {
  const existing = await findExisting(db, folders.map(({ name }) => name).filter(isUuid))
  const withoutRow = folders.filter(({ name }) => !existing.has(name))
  const paths = withoutRow.map(({ name }) => `${parent}/${name}`)
  const removals = await findRecordedRemovals(db, paths)
  const seen = await findSeenOrphans(db, paths)
  const orphans: Orphan[] = []
  for (const { name, hasManifest, isLeft } of withoutRow) {
    signal.throwIfAborted()
    const folder = `${parent}/${name}`
    if (removals.has(folder)) {
      if (isLeft) {
        await storage.remove(folder)
        await markRemoved(db, folder)
      }
      continue
    }
    const again = hasManifest && isUuid(name) && !seen.has(folder) ? await acceptAgain(name) : null
    if (again?.kind === 'accepted') {
      totals.acceptedAgain++
      log(`the database had no row of the upload ${name}: it is accepted again`)
    }
    if (!isLeft || again?.kind === 'accepted' || again?.kind === 'known') continue
    const orphan = { folder, reason: again?.kind === 'refused' ? again.reason : null }
    orphans.push(orphan)
    if (!seen.has(folder)) totals.newOrphans.push(orphan)
  }
  await recordOrphans(db, orphans)
}

function logOrphans({ log, orphanDays }: OrphanSweep, orphans: Orphan[]) {
  if (orphans.length === 0) return
  const names = orphans
    .slice(0, MAX_LOGGED)
    .map(({ folder, reason }) => (reason ? `${folder} (${reason})` : folder))
  const others = orphans.length > MAX_LOGGED ? `, and ${orphans.length - MAX_LOGGED} others` : ''
  log(`folders without a row are kept for ${orphanDays} days: ${names.join(', ')}${others}`)
}

/** Stops the removal of orphans if there are too many, and records the reason. Returns whether it did. */
async function stopIfTooMany({ db, maxOrphans, log }: OrphanSweep, count: number): Promise<boolean> {
  const isStopped = count > maxOrphans
  const reason =
    `${count} folders of the storage have no row, more than MAX_ORPHANS (${maxOrphans}): ` +
    'is this an older database?'
  if (isStopped) log(`the sweep removes no folder: ${reason}`)
  await setSweepStopped(db, isStopped ? reason : null)
  return isStopped
}

async function removeOldOrphans({ db, storage, orphanDays, signal }: OrphanSweep): Promise<number> {
  // A database without any transcription is probably new or the wrong one: then its storage holds no true
  // orphans.
  if (!(await hasTranscriptions(db))) return 0
  let removed = 0
  for (let after = ''; ; ) {
    const folders = await findOldOrphans(db, { days: orphanDays, after, limit: BATCH })
    for (const folder of folders) {
      signal.throwIfAborted()
      await storage.remove(folder)
      await deleteOrphan(db, folder)
      removed++
    }
    const last = folders.at(-1)
    if (last === undefined || folders.length < BATCH) return removed
    after = last
  }
}

/**
 * Lists folders without writes since `leftBefore`, and folders with a manifest whose row should exist by now.
 */
async function* oldFolders(
  { storage, signal }: OrphanSweep,
  { parent, leftBefore }: { parent: string; leftBefore: Date },
): AsyncGenerator<Folder> {
  const acceptedBefore = new Date(Math.max(leftBefore.getTime(), Date.now() - ACCEPTING_MS))
  let folder: { name: string; hasManifest: boolean; latest: Date } | undefined
  function* current() {
    if (!folder) return
    const { name, hasManifest, latest } = folder
    const isLeft = latest < leftBefore
    if (isLeft || (hasManifest && latest < acceptedBefore)) yield { name, hasManifest, isLeft }
  }
  for await (const { key, modifiedAt } of storage.list(parent)) {
    signal.throwIfAborted()
    const name = key.split('/')[1] ?? ''
    if (name !== folder?.name) {
      yield* current()
      folder = { name, hasManifest: false, latest: modifiedAt }
    }
    folder.hasManifest ||= key === manifestKey(name)
    if (modifiedAt > folder.latest) folder.latest = modifiedAt
  }
  yield* current()
}

async function* batches<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
