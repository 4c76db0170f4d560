import { PGlite } from '@electric-sql/pglite'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { databaseOn } from './connect.ts'
import type { OpenDatabase } from './database.ts'
import { guardDisk, requireDisk } from './disk-guard.ts'
import { EmbeddedSocket } from './embedded-socket.ts'
import { MIGRATIONS, requireSameOrigin } from './migrations.ts'
import { makeAllPrivate, makePrivate } from './private-files.ts'

/** Small, because PGlite touches all buffers at its start; the operating system caches the files anyway. */
const SHARED_BUFFERS = '32MB'
/**
 * A plan that was made for a small table would stay in use when the table is large: a server's autovacuum, after
 * which Postgres plans again, does not exist here.
 */
const MAX_PLAN_AGE_MS = 60_000

/**
 * Opens and migrates the embedded Postgres in `dataDir`, which it creates if needed; without `dataDir`, in
 * memory. The caller must hold the directory's lock: PGlite has none, and two processes would corrupt the
 * database. `snapshot` starts a new database as a copy of a dump. Throws `StartError`.
 */
export async function openPglite({
  dataDir,
  snapshot,
}: {
  dataDir?: string
  snapshot?: Blob
}): Promise<OpenDatabase & { pglite: PGlite }> {
  if (dataDir !== undefined) {
    await makePrivate(dataDir)
    await requireDisk(dataDir)
  }
  const pglite = await PGlite.create({
    startParams: [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS}`],
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(snapshot === undefined ? {} : { loadDataDir: snapshot }),
  })
  // PGlite creates its first files with mode 0666, whatever the umask is.
  if (dataDir !== undefined) await makeAllPrivate(dataDir)
  const listeners = new Map<string, ((payload: string) => void)[]>()
  const guard = guardDisk(dataDir)
  let plannedAt = performance.now()
  const client = connect(pglite, {
    onResponse(response) {
      guard.onResponse(response)
      if (performance.now() - plannedAt < MAX_PLAN_AGE_MS) return
      plannedAt = performance.now()
      // After an error, the plans are discarded a minute later.
      void client.unsafe('discard plans').catch(() => {})
    },
    onNotify(channel, payload) {
      for (const hear of listeners.get(channel) ?? []) hear(payload)
    },
  })
  const { db, ping } = databaseOn(client)
  async function close() {
    guard.stop()
    await client.end()
    await pglite.close()
  }
  try {
    await requireSameOrigin(db, { cure: 'set DATA_DIR to a new folder' })
    await migrate(db, { migrationsFolder: MIGRATIONS })
  } catch (error) {
    await close()
    throw error
  }
  guard.start((isReadOnly) =>
    client.unsafe(`set default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`),
  )
  return {
    db,
    pglite,
    ping,
    async listen(channel, { hear }) {
      listeners.set(channel, [...(listeners.get(channel) ?? []), hear])
      await client.unsafe(`listen ${channel}`)
    },
    close,
  }
}

/**
 * Connects postgres.js, the driver of every other database, to PGlite: unlike PGlite's own functions, it
 * sends a statement that it has prepared in one message, which takes a fifth of the time.
 */
function connect(
  pglite: PGlite,
  {
    onResponse,
    onNotify,
  }: { onResponse: (response: Buffer) => void; onNotify: (channel: string, payload: string) => void },
) {
  // `socket` and `onnotify` are missing in the types of postgres.js.
  const options = {
    max: 1,
    max_lifetime: null,
    // Not from the environment: PGlite has one user and one database.
    user: 'postgres',
    database: 'postgres',
    onnotice: () => {},
    onnotify: onNotify,
    socket: () => new EmbeddedSocket(pglite, onResponse),
  }
  return postgres(options)
}
