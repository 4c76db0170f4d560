import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { describeAccount, findAccount } from '../../src/admin/accounts.ts'
import { insertIdentity } from '../../src/auth/identities.store.ts'
import { identities, users } from '../../src/db/schema.ts'
import { databases, type TestDatabase } from '../support/databases.ts'

const issuer = 'https://id.example/realms/main'
const email = 'boss@example.com'

describe.each(databases)('the account to make an administrator, on $name', (kind) => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await kind.open()
  })
  afterAll(() => database.close())
  afterEach(async () => {
    await database.db.delete(users)
  })

  async function registered(address: string | null, createdAt = new Date('2026-01-01T12:00:00Z')) {
    const values = { email: address, passwordHash: 'a hash', createdAt }
    const [row] = await database.db.insert(users).values(values).returning()
    return row?.id ?? ''
  }

  async function fromProvider(subject: string, address: string | null) {
    await insertIdentity(database.db, { issuer, subject, email: address })
    const rows = await database.db.select().from(identities)
    return rows.find((row) => row.subject === subject)?.userId ?? ''
  }

  const messageOf = (finding: Promise<unknown>) =>
    finding.then(
      () => 'it was found',
      (error: Error) => error.message,
    )

  test('is the one with the verified email, not the one that registered the email first', async () => {
    const squatter = await registered(email)
    const boss = await fromProvider('b-1', email)
    const account = await findAccount(database.db, { email })
    expect(account.id).toBe(boss)
    expect(account.id).not.toBe(squatter)
    expect(describeAccount(account)).toContain(`${email}, verified by ${issuer}`)
    expect((await findAccount(database.db, { id: squatter })).id).toBe(squatter)
    expect((await findAccount(database.db, { issuer, subject: 'b-1' })).id).toBe(boss)
  })

  test('must be named by id if several accounts have the verified email', async () => {
    const first = await fromProvider('b-1', email)
    const second = await fromProvider('b-2', email)
    const message = await messageOf(findAccount(database.db, { email }))
    expect(message).toStartWith(`Several accounts claim the email ${email}: pass the id of one of them:`)
    for (const text of [first, second, 'subject b-1', 'subject b-2']) expect(message).toContain(text)
  })

  test('is shown with its age and its type of login', async () => {
    const id = await registered(email)
    const account = await findAccount(database.db, { email })
    expect(describeAccount(account, Date.parse('2026-01-04T13:00:00Z'))).toBe(
      [
        `  id       ${id}`,
        `  email    ${email}, not verified: anyone can register any email`,
        '  created  2026-01-01 12:00 UTC (3 days ago)',
        '  login    password',
        '  role     user',
      ].join('\n'),
    )
  })

  test('must exist', async () => {
    await registered(email)
    const { db } = database
    expect(await messageOf(findAccount(db, { email: 'eve@example.com' }))).toContain('eve@example.com')
    expect(await messageOf(findAccount(db, { issuer, subject: 'nobody' }))).toContain('subject nobody')
    expect(await messageOf(findAccount(db, { id: crypto.randomUUID() }))).toContain('No account has')
  })
})
