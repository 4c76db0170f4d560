import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import { databases, type TestDatabase } from '../support/databases.ts'
import { describeSchema } from './describe-schema.ts'

const RECORDED = fileURLToPath(new URL('./schema.txt', import.meta.url))

describe.each(databases)('the schema on $name', (kind) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await kind.open()
  })
  afterAll(() => database.close())

  test('equals test/db/schema.txt, which `bun test/db/describe-schema.ts` writes', async () => {
    expect((await describeSchema(database.db)).split('\n')).toEqual(
      (await Bun.file(RECORDED).text()).split('\n'),
    )
  })
})
