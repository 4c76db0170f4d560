import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'
import { NotReady } from '../errors.ts'
import type { Database, OpenDatabase } from './database.ts'
import { withPreparedStatements } from './prepared.ts'
import * as schema from './schema.ts'

const CONNECT_SECONDS = 10
const MAX_BACKOFF_SECONDS = 2

/**
 * While the database is unavailable, queries fail soon. When it is back, they wait for a short backoff only.
 */
export const RECONNECT_OPTIONS = {
  connect_timeout: CONNECT_SECONDS,
  backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, MAX_BACKOFF_SECONDS),
}

/** Connects with the first query to a Postgres that is already migrated. */
export function connectPostgres({
  url,
  connections = 10,
}: {
  url: string
  connections?: number
}): OpenDatabase {
  const client = postgres(url, {
    ...RECONNECT_OPTIONS,
    max: connections,
    onnotice: () => {},
  })
  const { db, ping } = databaseOn(client)
  return {
    db,
    ping,
    async listen(channel, { hear, missed }) {
      // postgres.js listens on a separate connection and reopens it after a loss.
      await client.listen(channel, hear, missed)
    },
    close: () => client.end({ timeout: 5 }),
  }
}

/**
 * Creates Drizzle on a client, which nothing else may use: Drizzle replaces the client's parsers and
 * serializers.
 */
export function databaseOn(client: Sql) {
  const db = drizzle({ client: withPreparedStatements(client), schema, casing: 'snake_case' })
  return { db, ping: () => requireWritable(db) }
}

/** Throws `NotReady` if the database is read-only, or the driver's error if it does not respond. */
async function requireWritable(db: Database): Promise<void> {
  const isReadOnly = sql<boolean>`pg_is_in_recovery() or current_setting('transaction_read_only')::boolean`
  const [row] = await db.select({ isReadOnly }).from(sql`(select) as nothing`)
  if (row && !row.isReadOnly) return
  throw new NotReady('The database is read-only: it is a standby, or default_transaction_read_only is on')
}
