import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users, webhooks } from '../../src/db/schema.ts'
import { startReencryption } from '../../src/webhooks/reencryption.ts'
import { createSecretCipher } from '../../src/webhooks/secret-cipher.ts'
import { rotated, secretsAt } from '../../src/webhooks/secrets.ts'
import { type Client, clientOf, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { databases, type TestDatabase } from '../support/databases.ts'

setDefaultTimeout(60_000)

const OLD = 'an old secret for tests, of 32 characters or more'
const owner = { userId: crypto.randomUUID() }
const plain = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

describe('the signing secret of a webhook', () => {
  test('is read again by its owner’s row only, and as often as it was written', async () => {
    const cipher = await createSecretCipher({ secrets: [SECRET] })
    const [one, two] = [await cipher.encrypt(plain, owner), await cipher.encrypt(plain, owner)]
    expect(one).toStartWith(cipher.prefix)
    expect(one).not.toBe(two)
    expect(one).not.toContain(plain.slice(6))
    expect(await cipher.decrypt(one, owner)).toBe(plain)
    const wrong: [stored: string, of: { userId: string }][] = [
      [one, { userId: crypto.randomUUID() }],
      [`${one.slice(0, -2)}AA`, owner],
      [cipher.prefix, owner],
    ]
    for (const [stored, of] of wrong) {
      expect(await cipher.decrypt(stored, of).catch((error) => error)).toMatchObject({ code: 'internal' })
    }
  })

  test('is read while the JWT_SECRET that encrypted it is still there', async () => {
    const before = await createSecretCipher({ secrets: [OLD] })
    const during = await createSecretCipher({ secrets: [SECRET, OLD] })
    const after = await createSecretCipher({ secrets: [SECRET] })
    const encrypted = await before.encrypt(plain, owner)
    expect(await during.decrypt(encrypted, owner)).toBe(plain)
    const refused = await after.decrypt(encrypted, owner).catch((error) => error)
    expect(refused).toMatchObject({ message: expect.stringContaining('/api/webhooks/{id}/secret') })
    expect(await after.decrypt(await during.encrypt(plain, owner), owner)).toBe(plain)
  })

  test('can be replaced when the one before cannot be read any more', async () => {
    const now = new Date()
    const cipher = await createSecretCipher({ secrets: [SECRET] })
    const lost = await (await createSecretCipher({ secrets: [OLD] })).encrypt(plain, owner)
    const next = await cipher.encrypt('whsec_bmV4dA==', owner)
    const stored = rotated({ secret: lost, previousSecrets: [] }, { next, now })
    expect(await secretsAt({ ...stored, ...owner }, { now, cipher })).toEqual(['whsec_bmV4dA=='])
  })
})

describe.each(databases)('secrets of webhooks on $name', (kind) => {
  let service: TestService
  let ada: Client

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    ada = anyone.as(await anyone.newToken())
  })
  afterAll(() => service.close())

  test('are in no row, neither the newest nor those before it', async () => {
    const { body } = await ada.post('/api/webhooks', { url: 'http://127.0.0.1:1/' })
    const change = () => ada.ask(`/api/webhooks/${textAt(body, 'id')}/secret`, { method: 'POST' })
    const uploads = () => ada.ask('/api/webhooks/uploads/secret', { method: 'POST' })
    const shown = [body, (await change()).body, (await uploads()).body, (await uploads()).body]
    const rows = JSON.stringify(await service.db.select().from(webhooks))
    expect(rows).not.toContain('whsec_')
    for (const one of shown) expect(rows).not.toContain(textAt(one, 'secret').slice('whsec_'.length))
  })
})

describe.each(databases)('secrets of an older version or JWT_SECRET on $name', (kind) => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await kind.open()
    await database.db.insert(users).values({ id: owner.userId, email: 'ada@example.com' })
  })
  afterAll(() => database.close())

  test('are encrypted with the newest JWT_SECRET, and those that cannot be are counted', async () => {
    const { db } = database
    const until = new Date(Date.now() + 60_000).toISOString()
    const before = await createSecretCipher({ secrets: [OLD] })
    const cipher = await createSecretCipher({ secrets: [SECRET, OLD] })
    const lost = await (await createSecretCipher({ secrets: [`${OLD}!`] })).encrypt(plain, owner)
    const made = (secret: string) => ({
      ...{ ...owner, url: 'https://example.com', events: [], secret },
      previousSecrets: [
        { secret: plain, until },
        { secret: plain, until: new Date(0).toISOString() },
      ],
    })
    const many = Array.from({ length: 120 }, () => made(plain))
    await db.insert(webhooks).values([...many, made(await before.encrypt(plain, owner)), made(lost)])
    const logged: string[] = []
    const said = Promise.withResolvers<void>()
    const reencryption = startReencryption({
      ...{ db, cipher },
      log(line) {
        logged.push(line)
        said.resolve()
      },
    })
    await said.promise
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
