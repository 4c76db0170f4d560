import { join, resolve } from 'node:path'
import type { Settings } from './config.ts'
import type { Database } from './db/database.ts'
import { lockDirectory } from './db/directory-lock.ts'
import { openPglite } from './db/pglite.ts'
import { openPostgres } from './db/postgres.ts'
import { StartError } from './errors.ts'

/** Connections for each mode. A worker needs few: its statements are short, and minutes of audio apart. */
const CONNECTIONS = { all: 10, api: 10, worker: 3 }

/** Opens Postgres or the embedded database. */
export async function openDatabase({ settings, dataDir }: { settings: Settings; dataDir: string }) {
  const url = settings.DATABASE_URL
  if (url === undefined) return openEmbedded(dataDir)
  const connections = settings.DATABASE_CONNECTIONS ?? CONNECTIONS[settings.MODE]
  return openPostgres({ url, connections }).catch(refuse)
}

/** Runs a command on the service's database. Throws `StartError`. */
export async function withDatabase<T>(settings: Settings, run: (db: Database) => Promise<T>): Promise<T> {
  const url = settings.DATABASE_URL
  if (url !== undefined) {
    const database = await openPostgres({ url }).catch(refuse)
    return run(database.db).finally(database.close)
  }
  const dataDir = resolve(settings.DATA_DIR)
  const lock = lockDirectory(dataDir)
  try {
    const database = await openEmbedded(dataDir)
    return await run(database.db).finally(database.close)
  } finally {
    lock.release()
  }
}

const openEmbedded = (dataDir: string) => openPglite({ dataDir: join(dataDir, 'postgres') })

function refuse(error: Error): never {
  if (error instanceof StartError) throw error
  throw new StartError(`The database of DATABASE_URL cannot be opened: ${error.message}`)
}
