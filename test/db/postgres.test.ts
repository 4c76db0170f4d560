import { expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { openPostgres } from '../../src/db/postgres.ts'
import { users } from '../../src/db/schema.ts'
import { withFreshDatabase } from './fresh-database.ts'

const server = process.env.TEST_DATABASE_URL ?? ''
const STARTER = fileURLToPath(new URL('./starter.ts', import.meta.url))

async function start(url: string) {
  const child = Bun.spawn([process.execPath, STARTER, url], { stdout: 'pipe', stderr: 'pipe' })
  const [output, errors, exit] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { output: output.trim(), errors, exit }
}

test.skipIf(!server)(
  'processes that open an empty database at the same time migrate it once',
  async () => {
    await withFreshDatabase(async (url) => {
      const started = await Promise.all([start(url), start(url), start(url)])
      for (const result of started) expect(result).toEqual({ output: 'opened', errors: '', exit: 0 })
      const { db, close } = await openPostgres({ url })
      expect(await db.select().from(users)).toEqual([])
      await close()
    })
  },
  60_000,
)

test.skipIf(!server)('a database that does not exist is an error', async () => {
  const url = new URL(server)
  url.pathname = '/verbatim_test_missing'
  const error = await openPostgres({ url: url.href }).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: '3D000' })
})

test.skipIf(!server)(
  'after a lost connection, a transaction rejects each statement and changes no other transaction',
  async () => {
    await withFreshDatabase(async (url) => {
      const { db, close } = await openPostgres({ url, connections: 1 })
      const observer = postgres(url, { max: 1 })
      await observer`create table notes (text text)`
      const late: unknown[] = []
      const isLost = Promise.withResolvers<void>()
      const isReplaced = Promise.withResolvers<void>()

      const lost = db
        .transaction(async (tx) => {
          await tx.execute(sql`set application_name = 'lost'`)
          await observer`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lost'`
          late.push(await tx.execute(sql`select 1`).catch((error) => error))
          isLost.resolve()
          late.push(await tx.execute(sql`select 2`).catch((error) => error))
          await isReplaced.promise
          late.push(await tx.execute(sql`insert into notes values ('lost')`).catch((error) => error))
        })
        .catch((error) => error)
      await isLost.promise
      await db.transaction(async (tx) => {
        await tx.execute(sql`insert into notes values ('first')`)
        isReplaced.resolve()
        await Bun.sleep(50)
        await tx.execute(sql`insert into notes values ('second')`)
      })

      expect(await lost).toBeInstanceOf(Error)
      expect(late).toEqual([expect.any(Error), expect.any(Error), expect.any(Error)])
      expect(await observer`select text from notes`).toEqual([{ text: 'first' }, { text: 'second' }] as never)
      await observer.end()
      await close()
    })
  },
)
