import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users, webhooks } from '../../src/db/schema.ts'
import { startReencryption } from '../../src/webhooks/reencryption.ts'
import { createSecretCipher } from '../../src/webhooks/secret-cipher.ts'
import { rotated, secretsAt } from '../../src/webhooks/secrets.ts'
import { type Client, clientOf, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { databases, type TestDatabase } from '../support/databases.ts'

const OLD = 'an old secret for tests, of 32 characters or more'
const owner = { userId: crypto.randomUUID() }
const plain = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

describe('an encrypted webhook secret', () => {
  test('can be decrypted in a row of its owner only, and differs for each encryption', async () => {
    const cipher = await createSecretCipher({ secrets: [SECRET] })
    const [first, second] = [await cipher.encrypt(plain, owner), await cipher.encrypt(plain, owner)]
    expect(first).toStartWith(cipher.prefix)
    expect(first).not.toBe(second)
    expect(first).not.toContain(plain.slice(6))
    expect(await cipher.decrypt(first, owner)).toBe(plain)
    const wrong: [stored: string, of: { userId: string }][] = [
      [first, { userId: crypto.randomUUID() }],
      [`${first.slice(0, -2)}AA`, owner],
      [cipher.prefix, owner],
    ]
    for (const [stored, of] of wrong) {
      expect(await cipher.decrypt(stored, of).catch((error) => error)).toMatchObject({ code: 'internal' })
    }
  })

  test('can be decrypted while JWT_SECRET contains the secret that encrypted it', async () => {
    const before = await createSecretCipher({ secrets: [OLD] })
    const during = await createSecretCipher({ secrets: [SECRET, OLD] })
    const after = await createSecretCipher({ secrets: [SECRET] })
    const encrypted = await before.encrypt(plain, owner)
    expect(await during.decrypt(encrypted, owner)).toBe(plain)
    const refused = await after.decrypt(encrypted, owner).catch((error) => error)
    expect(refused).toMatchObject({ message: expect.stringContaining('/api/webhooks/{id}/secret') })
    expect(await after.decrypt(await during.encrypt(plain, owner), owner)).toBe(plain)
  })

  test('can be rotated although the previous one cannot be decrypted', async () => {
    const now = new Date()
    const cipher = await createSecretCipher({ secrets: [SECRET] })
    const lost = await (await createSecretCipher({ secrets: [OLD] })).encrypt(plain, owner)
    const next = await cipher.encrypt('whsec_bmV4dA==', owner)
    const stored = rotated({ secret: lost, previousSecrets: [] }, { next, now })
    expect(await secretsAt({ ...stored, ...owner }, { now, cipher })).toEqual(['whsec_bmV4dA=='])
  })
})

describe.each(databases)('webhook secrets on $name', (kind) => {
  let service: TestService
  let ada: Client

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    ada = anyone.as(await anyone.newToken())
  })
  afterAll(() => service.close())

  test('are in no row in clear, neither the current ones nor the previous ones', async () => {
    const { body } = await ada.post('/api/webhooks', { url: 'http://127.0.0.1:1/' })
    const rotate = () => ada.ask(`/api/webhooks/${textAt(body, 'id')}/secret`, { method: 'POST' })
    const uploads = () => ada.ask('/api/webhooks/uploads/secret', { method: 'POST' })
    const shown = [body, (await rotate()).body, (await uploads()).body, (await uploads()).body]
    const rows = JSON.stringify(await service.db.select().from(webhooks))
    expect(rows).not.toContain('whsec_')
    for (const body of shown) expect(rows).not.toContain(textAt(body, 'secret').slice('whsec_'.length))
  })
})

describe.each(databases)('webhook secrets of an older version or JWT_SECRET on $name', (kind) => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await kind.open()
    await database.db.insert(users).values({ id: owner.userId, email: 'ada@example.com' })
  })
  afterAll(() => database.close())

  test('are re-encrypted with the first JWT_SECRET, and those that cannot be decrypted are counted', async () => {
    const { db } = database
    const until = new Date(Date.now() + 60_000).toISOString()
    const before = await createSecretCipher({ secrets: [OLD] })
    const cipher = await createSecretCipher({ secrets: [SECRET, OLD] })
    const lost = await (await createSecretCipher({ secrets: [`${OLD}!`] })).encrypt(plain, owner)
    const rowOf = (secret: string) => ({
      ...owner,
      url: 'https://example.com',
      events: [],
      secret,
      previousSecrets: [
        { secret: plain, until },
        { secret: plain, until: new Date(0).toISOString() },
      ],
    })
    const many = Array.from({ length: 120 }, () => rowOf(plain))
    await db.insert(webhooks).values([...many, rowOf(await before.encrypt(plain, owner)), rowOf(lost)])
    const logged: string[] = []
    const reported = Promise.withResolvers<void>()
    const reencryption = startReencryption({
      db,
      cipher,
      log(line) {
        logged.push(line)
        reported.resolve()
      },
    })
    await reported.promise
    await reencryption.stop()
    expect(logged).toEqual([expect.stringMatching(/^webhooks that cannot sign: 1; /)])
    const newest = await createSecretCipher({ secrets: [SECRET] })
    const rows = await db.select().from(webhooks)
    for (const { secret, previousSecrets } of rows.filter((row) => row.secret !== lost)) {
      expect(await newest.decrypt(secret, owner)).toBe(plain)
      expect(previousSecrets).toEqual([{ secret: expect.stringMatching(/^enc1:/), until }])
    }
    expect(rows.length).toBe(122)
    expect(await db.select().from(webhooks).where(eq(webhooks.secret, plain))).toEqual([])
  })
})
