import { PGlite } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate } from 'drizzle-orm/pglite/migrator'
import { requireWritable } from './connect.ts'
import type { OpenDatabase } from './database.ts'
import { guardDisk, requireDisk } from './disk-guard.ts'
import { MIGRATIONS, requireSameOrigin } from './migrations.ts'
import { makeAllPrivate, makePrivate } from './private-files.ts'
import * as schema from './schema.ts'

/** Small, because PGlite touches all buffers at its start; the operating system caches the files anyway. */
const SHARED_BUFFERS = '32MB'

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
}): Promise<OpenDatabase & { client: PGlite }> {
  if (dataDir !== undefined) {
    await makePrivate(dataDir)
    await requireDisk(dataDir)
  }
  const client = await PGlite.create({
    startParams: [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS}`],
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(snapshot === undefined ? {} : { loadDataDir: snapshot }),
  })
  // PGlite creates its first files with mode 0666, whatever the umask is.
  if (dataDir !== undefined) await makeAllPrivate(dataDir)
  const db = drizzle({ client, schema, casing: 'snake_case' })
  try {
    await requireSameOrigin(db, { cure: 'set DATA_DIR to a new folder' })
    await migrate(db, { migrationsFolder: MIGRATIONS })
  } catch (error) {
    await client.close()
    throw error
  }
  const unguard = dataDir === undefined ? () => {} : guardDisk({ client, folder: dataDir })
  return {
    db,
    client,
    ping: () => requireWritable(db),
    async listen(channel, { hear }) {
      await client.listen(channel, hear)
    },
    async close() {
      unguard()
      await client.close()
    },
  }
}
