import { expect, test } from 'bun:test'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite'
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator'
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js'
import { migrate as migratePostgres } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { MIGRATIONS } from '../../src/db/migrations.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import * as schema from '../../src/db/schema.ts'
import { StartError } from '../../src/errors.ts'
import { temporaryFolder } from '../support/recordings.ts'
import { withFreshDatabase } from './fresh-database.ts'

type Journal = { entries: { idx: number; when: number; tag: string }[] }

const journal: Journal = JSON.parse(await readFile(join(MIGRATIONS, 'meta', '_journal.json'), 'utf8'))

test('each migration is newer than the one before: the migrator skips an older one', () => {
  const times = journal.entries.map(({ when }) => when)
  for (const [index, when] of times.slice(1).entries()) expect(when).toBeGreaterThan(times[index] ?? Infinity)
})

test('the journal lists every migration file in order', async () => {
  const files = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).toSorted()
  expect(journal.entries.map(({ tag }) => `${tag}.sql`)).toEqual(files)
  expect(journal.entries.map(({ idx }) => idx)).toEqual(files.map((_, index) => index))
})

test('src/db/schema.ts has no change without a migration', async () => {
  const names = (await readdir(join(MIGRATIONS, 'meta'))).filter((name) => name.endsWith('_snapshot.json'))
  const latest = names.toSorted().at(-1) ?? ''
  const snapshot = JSON.parse(await readFile(join(MIGRATIONS, 'meta', latest), 'utf8'))
  const current = generateDrizzleJson(schema, snapshot.id, undefined, 'snake_case')
  expect(await generateMigration(snapshot, current)).toEqual([])
})

/** Times of other first migrations: older than ours, as before the migrations were squashed, and newer. */
const OTHER_TIMES = [1_795_389_390_101, 4_000_000_000_000]

/** Writes a migrations folder with one migration, which creates a table `users`. */
async function writeOtherMigrations(folder: string, when: number) {
  const entries = [{ idx: 0, version: '7', when, tag: '0000_init', breakpoints: true }]
  await mkdir(join(folder, 'meta'), { recursive: true })
  await writeFile(
    join(folder, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
  )
  await writeFile(join(folder, '0000_init.sql'), 'create table users (id int)')
}

const TABLES = `select table_name from information_schema.tables where table_schema = 'public'`

test.each(OTHER_TIMES)(
  'a DATA_DIR with other migrations (%d) is refused and stays as it is',
  async (when) => {
    await using folder = await temporaryFolder()
    const migrationsFolder = join(folder.path, 'drizzle')
    await writeOtherMigrations(migrationsFolder, when)
    const dataDir = join(folder.path, 'postgres')
    const before = await PGlite.create(dataDir)
    await migratePglite(drizzlePglite({ client: before }), { migrationsFolder })
    await before.close()

    const error = await openPglite({ dataDir }).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(StartError)
    expect(String(error)).toContain('set DATA_DIR to a new folder')
    const after = await PGlite.create(dataDir)
    expect((await after.query(TABLES)).rows).toEqual([{ table_name: 'users' }])
    await after.close()
  },
)

test.skipIf(!process.env.TEST_DATABASE_URL).each(OTHER_TIMES)(
  'a DATABASE_URL with other migrations (%d) is refused and stays as it is',
  async (when) => {
    await using folder = await temporaryFolder()
    await writeOtherMigrations(folder.path, when)
    await withFreshDatabase(async (url) => {
      const client = postgres(url, { max: 1, onnotice: () => {} })
      await migratePostgres(drizzlePostgres({ client }), { migrationsFolder: folder.path })

      const error = await openPostgres({ url }).catch((error: unknown) => error)
      expect(error).toBeInstanceOf(StartError)
      expect(String(error)).toContain('set DATABASE_URL to an empty database')
      expect(Array.from(await client.unsafe<{ table_name: string }[]>(TABLES))).toEqual([
        { table_name: 'users' },
      ])
      await client.end()
    })
  },
)

test('a database that a later version migrated further opens', async () => {
  await using folder = await temporaryFolder()
  const dataDir = join(folder.path, 'postgres')
  const database = await openPglite({ dataDir })
  const later = `insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', 4000000000000)`
  await database.pglite.exec(later)
  await database.close()
  const reopened = await openPglite({ dataDir })
  await reopened.ping()
  await reopened.close()
})
