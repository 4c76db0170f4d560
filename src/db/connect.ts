import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'
import { NotReady } from '../errors.ts'
import type { Database, OpenDatabase } from './database.ts'
import * as schema from './schema.ts'

const CONNECT_SECONDS = 10
const LONGEST_PAUSE_SECONDS = 2

/** While the database is away, a query fails soon, and one that comes when it is back waits for no long pause. */
export const RECONNECTING = {
  connect_timeout: CONNECT_SECONDS,
  backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, LONGEST_PAUSE_SECONDS),
}

/** Connects to a Postgres that is up to date, when the first query comes. */
export function connectPostgres({
  url,
  connections = 10,
}: {
  url: string
  connections?: number
}): OpenDatabase {
  const client = postgres(url, { ...RECONNECTING, max: connections, onnotice: () => {} })
  const { db, ping } = databaseOn(client)
  return {
    db,
    ping,
    async listen(channel, { hear, missed }) {
      // On a connection of its own, which is opened again when it is lost.
      await client.listen(channel, hear, missed)
    },
    close: () => client.end({ timeout: 5 }),
  }
}

/** Drizzle on a client, which is then its alone: it changes how the client reads and writes. */
export function databaseOn(client: Sql): { db: Database } & Pick<OpenDatabase, 'ping'> {
  const db = drizzle({ client, schema, casing: 'snake_case' })
  return { db, ping: () => requireWritable(db) }
}

/** Throws `NotReady` if the database only takes reads, and what the driver throws if it does not answer. */
export async function requireWritable(db: Database): Promise<void> {
  const isReadOnly = sql<boolean>`pg_is_in_recovery() or current_setting('transaction_read_only')::boolean`
  const [row] = await db.select({ isReadOnly }).from(sql`(select) as nothing`)
  if (row && !row.isReadOnly) return
  throw new NotReady('The database takes no writes: it is a standby, or default_transaction_read_only is on')
}
