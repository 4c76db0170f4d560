import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Database } from '../db/database.ts'
import { isOutage } from '../db/outage.ts'
import { StartError, VerbatimError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Objects } from '../storage/storage.ts'
import { nextGeneration, readInstallation } from './storage-owner.store.ts'

/** The file in a storage that names the database which owns it. */
export const OWNER_KEY = 'owner'

const Marker = Type.Object({ database: Type.String(), generation: Type.Number() })
type Marker = Static<typeof Marker>

type Stores = { db: Database; storage: Pick<Objects, 'read' | 'write'> }

/**
 * How a storage relates to a database. `older`: the database is an older copy of the one that wrote the
 * marker.
 */
export type Ownership = 'own' | 'unclaimed' | 'foreign' | 'older'

/**
 * Compares a storage's marker with the database. The marker is written after the database's generation is
 * incremented, and read before it. So the marker's generation is never higher, whatever other processes do,
 * unless the database is an older copy.
 */
export async function ownershipOf({ db, storage }: Stores): Promise<Ownership> {
  const marker = await readMarker(storage)
  const { id, generation } = await readInstallation(db)
  if (marker === null) return 'unclaimed'
  if (marker === 'invalid' || marker.database !== id) return 'foreign'
  return marker.generation > generation ? 'older' : 'own'
}

/**
 * At the start of a process: makes the database the owner of a storage without an owner. Throws `StartError`
 * if another database owns the storage, or if the database is older than the storage. `mayBeOlder` allows the
 * latter: an embedded database can lose its last rows in a power cut.
 */
export async function claimStorage({
  mayBeOlder,
  log,
  ...stores
}: Stores & { mayBeOlder: boolean; log: Log }): Promise<void> {
  const ownership = await ownershipOf(stores)
  if (ownership === 'foreign') throw new StartError(FOREIGN)
  if (ownership === 'older' && !mayBeOlder) throw new StartError(OLDER)
  if (ownership === 'older') {
    log('the database is older than the storage, as after a power cut: lost uploads are accepted again')
  }
  if (ownership === 'own') return renewMarker({ log, ...stores })
  const { generation } = await markStorage(stores).catch((error: unknown) => {
    if (!isOutage(error)) throw error
    throw new StartError(`Cannot write the file \`owner\` to the storage: ${messageOf(error)}`)
  })
  if (ownership === 'unclaimed' && generation > 1) {
    log('the storage has no `owner` file: this database owns it from now on; check that it is the right one')
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** Throws like `claimStorage`, but writes nothing: for processes that do not own the storage. */
export async function requireOwnStorage(stores: Stores): Promise<void> {
  const ownership = await ownershipOf(stores)
  if (ownership === 'foreign') throw new StartError(FOREIGN)
  if (ownership === 'older') throw new StartError(OLDER)
}

/** Like `markStorage`, but keeps the old marker if the storage is full or unavailable. */
export async function renewMarker({ log, ...stores }: Stores & { log: Log }): Promise<void> {
  await markStorage(stores).catch((error) => {
    if (!isOutage(error)) throw error
    log('cannot write the `owner` file of the storage', error)
  })
}

/** Writes the next generation to the database, then to the storage. */
export async function markStorage({ db, storage }: Stores): Promise<Marker> {
  const { id: database, generation } = await nextGeneration(db)
  const marker = { database, generation }
  await storage.write(OWNER_KEY, new Blob([JSON.stringify(marker)]).stream(), {
    mayUseReserve: true,
  })
  return marker
}

const TAKE_OVER =
  'if this database is to own the storage, remove the file `owner` (in DATA_DIR/files, or in the folder of ' +
  'STORAGE_URL) and start again'

const FOREIGN =
  'The storage belongs to another database: correct DATABASE_URL, or set STORAGE_URL or DATA_DIR to a storage ' +
  `of its own; ${TAKE_OVER}`

const OLDER =
  'The database is older than its storage, for example a restored backup or a stale copy: correct ' +
  `DATABASE_URL; ${TAKE_OVER}`

async function readMarker(storage: Stores['storage']): Promise<Marker | 'invalid' | null> {
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
