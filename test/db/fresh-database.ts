import { randomUUID } from 'node:crypto'
import postgres from 'postgres'

const server = process.env.TEST_DATABASE_URL ?? ''

/** Calls `use` with the URL of an empty Postgres database without migrations, and drops the database afterwards. */
export async function withFreshDatabase(use: (url: string) => Promise<void>) {
  const name = `verbatim_test_${randomUUID().replaceAll('-', '')}`
  const url = new URL(server)
  url.pathname = `/${name}`
  const admin = postgres(server, { max: 1, onnotice: () => {} })
  try {
    await admin.unsafe(`create database ${name}`)
    await use(url.href)
  } finally {
    await admin.unsafe(`drop database if exists ${name} with (force)`)
    await admin.end()
  }
}
