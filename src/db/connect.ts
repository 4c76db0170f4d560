import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'
import type { Database, OpenDatabase } from './database.ts'
import * as schema from './schema.ts'

/** Connects to a Postgres that is up to date, when the first query comes. */
export function connectPostgres({
  url,
  connections = 10,
}: {
  url: string
  connections?: number
}): OpenDatabase {
  const client = postgres(url, { max: connections, onnotice: () => {} })
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
  return {
    db,
    async ping() {
      await db.execute(sql`select 1`)
    },
  }
}
