import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { type Changes, openChanges } from '../../src/db/changes.ts'
import type { Database, OpenDatabase } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { memoryQueue } from '../../src/queue/memory.ts'
import { openMemoryJobs } from '../../src/queue/memory-jobs.ts'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { embeddedTemplate } from './embedded-template.ts'

/** A new, migrated and empty database, which `close` removes. */
export type TestDatabase = {
  db: Database
  changes: Changes
  listen: OpenDatabase['listen']
  /** Opens a queue of the database. All of them have the same jobs. */
  openQueue(onError?: (error: unknown) => void): Promise<Queue>
  /** A service's DATABASE_URL; undefined with the embedded database. */
  url: string | undefined
  ping(): Promise<void>
  close(): Promise<void>
}

export type TestDatabaseKind = { name: 'PGlite' | 'Postgres'; open(): Promise<TestDatabase> }

const server = process.env.TEST_DATABASE_URL

if (!server && process.env.CI) {
  throw new Error('TEST_DATABASE_URL is not set: with CI set, the tests must run on a real Postgres too')
}

/** For tests that do not depend on the database; always available. */
export const embedded: TestDatabaseKind = { name: 'PGlite', open: openEmbedded }

/** All available kinds. Postgres needs TEST_DATABASE_URL with a role that may create databases. */
export const databases: TestDatabaseKind[] = [
  embedded,
  ...(server ? [{ name: 'Postgres' as const, open: () => openReal(server) }] : []),
]

/** `pglite`: the embedded Postgres itself. */
export async function openEmbedded() {
  const { db, pglite, ping, listen, close } = await openPglite({ snapshot: await embeddedTemplate() })
  const jobs = await openMemoryJobs({ listen })
  return {
    db,
    pglite,
    changes: await openChanges({ listen }),
    listen,
    openQueue: async (onError = console.error) => memoryQueue({ jobs, onError }),
    url: undefined,
    ping,
    close,
  }
}

async function openReal(server: string): Promise<TestDatabase> {
  const name = `verbatim_test_${randomUUID().replaceAll('-', '')}`
  // Independent of the server’s default, so that a search finds words of any script.
  await onServer(server, `create database ${name} encoding 'UTF8' locale 'C.UTF-8' template template0`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const { db, ping, listen, close } = await openPostgres({ url: url.href })
  return {
    db,
    changes: await openChanges({ listen }),
    listen,
    openQueue: (onError = console.error) => pgBossQueue({ url: url.href, listen, onError }),
    url: url.href,
    ping,
    async close() {
      await close()
      await onServer(server, `drop database ${name} with (force)`)
    },
  }
}

async function onServer(server: string, statement: string) {
  const client = postgres(server, { max: 1, onnotice: () => {} })
  try {
    await client.unsafe(statement)
  } finally {
    await client.end()
  }
}
