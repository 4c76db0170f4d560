import { expect, test } from 'bun:test'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MIGRATIONS } from '../../src/db/migrations.ts'

type Journal = { entries: { idx: number; when: number; tag: string }[] }

const journal: Journal = JSON.parse(await readFile(join(MIGRATIONS, 'meta', '_journal.json'), 'utf8'))

test('each migration is younger than the one before: an older one would be skipped without a word', () => {
  const times = journal.entries.map(({ when }) => when)
  for (const [index, when] of times.slice(1).entries()) expect(when).toBeGreaterThan(times[index] ?? Infinity)
})

test('the journal names every migration there is, in order', async () => {
  const files = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).toSorted()
  expect(journal.entries.map(({ tag }) => `${tag}.sql`)).toEqual(files)
  expect(journal.entries.map(({ idx }) => idx)).toEqual(files.map((_, index) => index))
})
