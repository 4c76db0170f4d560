import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Database } from '../db/database.ts'
import { isOutage } from '../db/outage.ts'
import { StartError, VerbatimError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Objects } from '../storage/storage.ts'
import { nextGeneration, readInstallation } from './storage-owner.store.ts'

/** Where a storage says which database it belongs to. */
export const OWNER_KEY = 'owner'

const Marker = Type.Object({ database: Type.String(), generation: Type.Number() })
type Marker = Static<typeof Marker>

type Places = { db: Database; storage: Pick<Objects, 'read' | 'write'> }

/** How a storage and a database fit: `older` is a database that has gone back since it used the storage. */
export type Ownership = 'own' | 'unclaimed' | 'foreign' | 'older'

/**
 * Compares a storage's marker with the database. The marker is written after the database has counted up, and is read
 * before it: so its generation is never higher, whatever other processes do, unless the database is an older copy.
 */
export async function ownershipOf({ db, storage }: Places): Promise<Ownership> {
  const marker = await readMarker(storage)
  const { id, generation } = await readInstallation(db)
  if (marker === null) return 'unclaimed'
  if (marker === 'invalid' || marker.database !== id) return 'foreign'
  return marker.generation > generation ? 'older' : 'own'
}

/**
 * Makes the database the owner of a storage that has none, at the start of a process. Throws `StartError` for another
 * database's storage, and for a database that is older than its storage, unless `mayBeOlder`: an embedded database loses its
 * last rows in a power cut.
 */
export async function claimStorage({
  mayBeOlder,
  log,
  ...places
}: Places & { mayBeOlder: boolean; log: Log }): Promise<void> {
  const ownership = await ownershipOf(places)
  if (ownership === 'foreign') throw new StartError(FOREIGN)
  if (ownership === 'older' && !mayBeOlder) throw new StartError(OLDER)
  if (ownership === 'older') {
    log(
      'the database is older than the storage, as after a power cut: uploads that it lost are accepted again',
    )
  }
  const { generation } = await markStorage(places)
  if (ownership === 'unclaimed' && generation > 1) {
    log(
      'the storage has no `owner` file, so this database owns it from now on: check that it is the right one',
    )
  }
}

/** Throws as `claimStorage` does, and writes nothing: for a process that leaves the storage to others. */
export async function requireOwnStorage(places: Places): Promise<void> {
  const ownership = await ownershipOf(places)
  if (ownership === 'foreign') throw new StartError(FOREIGN)
  if (ownership === 'older') throw new StartError(OLDER)
}

/** As `markStorage`; a storage that is full or away keeps the marker that it has. */
export async function renewMarker({ log, ...places }: Places & { log: Log }): Promise<void> {
  await markStorage(places).catch((error) => {
    if (!isOutage(error)) throw error
    log('the owner of the storage could not be written', error)
  })
}

/** Writes the next generation into the database, and then into the storage. */
export async function markStorage({ db, storage }: Places): Promise<Marker> {
  const { id: database, generation } = await nextGeneration(db)
  const marker = { database, generation }
  await storage.write(OWNER_KEY, new Blob([JSON.stringify(marker)]).stream(), {
    mayUseReserve: true,
  })
  return marker
}

const TAKE_OVER =
  'if this database shall own the storage, remove the file `owner` (in DATA_DIR/files, or in the folder of STORAGE_URL) and start again'

const FOREIGN = `The storage belongs to another database: correct DATABASE_URL, or set STORAGE_URL or DATA_DIR to a place of its own; ${TAKE_OVER}`

const OLDER = `The database is older than its storage, as a restored backup or a stale copy is: correct DATABASE_URL; ${TAKE_OVER}`

async function readMarker(storage: Places['storage']): Promise<Marker | 'invalid' | null> {
  let text: string
  try {
    text = await new Response(await storage.read(OWNER_KEY)).text()
  } catch (error) {
    if (error instanceof VerbatimError && error.code === 'not_found') return null
    throw error
  }
  try {
    const marker: unknown = JSON.parse(text)
    return Value.Check(Marker, marker) ? marker : 'invalid'
  } catch {
    return 'invalid'
  }
}
