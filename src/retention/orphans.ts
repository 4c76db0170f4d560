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
  readDatabaseTime,
  findOldOrphans,
  findSeenOrphans,
  deleteOrphan,
  deleteVanishedOrphans,
  type Orphan,
  recordOrphans,
} from './orphans.store.ts'
import { setSweepStopped } from './storage-owner.store.ts'
import { renewMarker } from './storage-owner.ts'
import { findExisting, hasTranscriptions } from './sweep.store.ts'

export type OrphanSweep = {
  db: Database
  storage: Storage
  acceptAgain: AcceptAgain
  /** How long a folder without a row is kept from when it is first seen. */
  orphanDays: number
  /** If there are more of them, none is removed. */
  maxOrphans: number
  log: Log
  signal: AbortSignal
}

const BATCH = 500
const MOST_NAMED = 10
/** An upload has its row moments after its manifest. */
const ACCEPTING_MS = 3_600_000

/** Where folders are, and how to find those that have a row. */
const PLACES = [
  { place: FOLDER, knownOf: findExisting },
  { place: UPLOADS_FOLDER, knownOf: findKnownUploads },
]
type Place = (typeof PLACES)[number]

/**
 * Looks through the storage for folders without a row. An upload whose row is lost is accepted again, if its manifest is
 * there; what was deleted is removed; the others are orphans. They are removed `orphanDays` after they were first seen,
 * unless there are more than `maxOrphans`: then it is rather the database that has lost rows.
 */
export async function sweepOrphans(options: OrphanSweep, leftBefore: Date) {
  const { db } = options
  await renewMarker(options)
  const begun = await readDatabaseTime(db)
  const found = { acceptedAgain: 0, orphans: [] as Orphan[] }
  for (const place of PLACES) {
    for await (const folders of batches(leftFolders(options, { place: place.place, leftBefore }))) {
      await look(options, { place, folders, found })
    }
  }
  await deleteVanishedOrphans(db, begun)
  tellOf(options, found.orphans)
  const isStopped = await stopsAt(options, await countOrphans(db))
  const removed = isStopped ? 0 : await removeOld(options)
  return { acceptedAgain: found.acceptedAgain, orphans: removed }
}

type Folder = { name: string; hasManifest: boolean; isLeft: boolean }

async function look(
  { db, storage, acceptAgain, log, signal }: OrphanSweep,
  {
    place: { place, knownOf },
    folders,
    found,
  }: { place: Place; folders: Folder[]; found: { acceptedAgain: number; orphans: Orphan[] } },
) {
  const known = await knownOf(db, folders.map(({ name }) => name).filter(isUuid))
  const unknown = folders.filter(({ name }) => !known.has(name))
  const paths = unknown.map(({ name }) => `${place}/${name}`)
  const removals = await findRecordedRemovals(db, paths)
  const seen = await findSeenOrphans(db, paths)
  const orphans: Orphan[] = []
  for (const { name, hasManifest, isLeft } of unknown) {
    signal.throwIfAborted()
    const folder = `${place}/${name}`
    if (removals.has(folder)) {
      if (isLeft) {
        await storage.remove(folder)
        await markRemoved(db, folder)
      }
      continue
    }
    const again = hasManifest && isUuid(name) && !seen.has(folder) ? await acceptAgain(name) : null
    if (again?.kind === 'accepted') {
      found.acceptedAgain++
      log(`the database had no row of the upload ${name}: it is accepted again`)
    }
    if (!isLeft || again?.kind === 'accepted' || again?.kind === 'known') continue
    const orphan = { folder, reason: again?.kind === 'refused' ? again.reason : null }
    orphans.push(orphan)
    if (!seen.has(folder)) found.orphans.push(orphan)
  }
  await recordOrphans(db, orphans)
}

function tellOf({ log, orphanDays }: OrphanSweep, orphans: Orphan[]) {
  if (orphans.length === 0) return
  const named = orphans
    .slice(0, MOST_NAMED)
    .map(({ folder, reason }) => (reason ? `${folder} (${reason})` : folder))
  const others = orphans.length > MOST_NAMED ? `, and ${orphans.length - MOST_NAMED} others` : ''
  log(`folders without a row are kept for ${orphanDays} days: ${named.join(', ')}${others}`)
}

async function stopsAt({ db, maxOrphans, log }: OrphanSweep, count: number): Promise<boolean> {
  const isStopped = count > maxOrphans
  const reason = `${count} folders of the storage have no row, more than MAX_ORPHANS (${maxOrphans}): is this an older database?`
  if (isStopped) log(`the sweep removes no folder: ${reason}`)
  await setSweepStopped(db, isStopped ? reason : null)
  return isStopped
}

async function removeOld({ db, storage, orphanDays, signal }: OrphanSweep): Promise<number> {
  // A database without a single transcription is rather a new one, or the wrong one, than the owner of orphans only.
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

/** Folders in which nothing was written since `leftBefore`, and those whose upload would have its row by now. */
async function* leftFolders(
  { storage, signal }: OrphanSweep,
  { place, leftBefore }: { place: string; leftBefore: Date },
): AsyncGenerator<Folder> {
  const acceptedBefore = new Date(Math.max(leftBefore.getTime(), Date.now() - ACCEPTING_MS))
  let folder: { name: string; hasManifest: boolean; latest: Date } | undefined
  function* left() {
    if (!folder) return
    const { name, hasManifest, latest } = folder
    const isLeft = latest < leftBefore
    if (isLeft || (hasManifest && latest < acceptedBefore)) yield { name, hasManifest, isLeft }
  }
  for await (const { key, modifiedAt } of storage.list(place)) {
    signal.throwIfAborted()
    const name = key.split('/')[1] ?? ''
    if (name !== folder?.name) {
      yield* left()
      folder = { name, hasManifest: false, latest: modifiedAt }
    }
    folder.hasManifest ||= key === manifestKey(name)
    if (modifiedAt > folder.latest) folder.latest = modifiedAt
  }
  yield* left()
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
