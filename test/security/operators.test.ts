import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { updateUser } from '../../src/admin/admin.store.ts'
import { isLocal, readSettings } from '../../src/config.ts'
import { brieflyCached } from '../../src/health/brief-cache.ts'
import { type Client, clientOf, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'

const TOKEN = 'a token for the scraper'
const URL_OF_SIDECAR = 'http://10.1.2.3:8080'

describe('operator data', () => {
  let service: TestService
  let anyone: Client
  let user: Client
  let admin: Client

  beforeAll(async () => {
    service = await startService({ kind: embedded, metricsToken: TOKEN })
    service.engine.state = { ready: false, detail: `${URL_OF_SIDECAR} refuses connections` }
    anyone = clientOf(service.url)
    user = anyone.as(await anyone.newToken())
    admin = anyone.as(await anyone.newToken())
    const id = textAt((await admin.ask('/api/auth/me')).body, 'id')
    await updateUser(service.db, { id, role: 'admin' })
  })
  afterAll(() => service.close())

  const strangers = (): [who: string, client: Client][] => [
    ['nobody', anyone],
    ['a wrong token', anyone.as(`${TOKEN}!`)],
    ['a token of the same length', anyone.as(`${TOKEN.slice(0, -1)}X`)],
    ['an unknown API key', anyone.as('vk_unknown')],
    ['a user', user],
  ]

  test('a stranger sees which component is not ready, and no reason', async () => {
    for (const [who, client] of strangers()) {
      const { status, body } = await client.ask('/health/ready')
      expect({ who, status, body }).toEqual({
        who,
        status: 503,
        body: {
          ready: false,
          checks: {
            database: { ready: true },
            storage: { ready: true },
            queue: { ready: true },
            engine: { ready: false },
          },
        },
      })
    }
  })

  test('an operator with METRICS_TOKEN and an administrator see the reason', async () => {
    for (const client of [anyone.as(TOKEN), admin]) {
      const { status, body } = await client.ask('/health/ready')
      expect(status).toBe(503)
      expect(body).toMatchObject({ checks: { engine: { detail: expect.stringContaining(URL_OF_SIDECAR) } } })
    }
  })

  test('only operators can read the metrics', async () => {
    for (const [who, client] of strangers()) {
      const { status, body } = await client.ask('/metrics')
      expect({ who, status, body }).toMatchObject({ who, status: 401, body: { code: 'unauthorized' } })
    }
    for (const client of [anyone.as(TOKEN), admin]) {
      expect(await client.ask('/metrics')).toMatchObject({
        status: 200,
        body: expect.stringContaining('process_resident_memory_bytes'),
      })
    }
  })

  test('without METRICS_TOKEN only a service that is local shows them to strangers', async () => {
    const open = await startService({ kind: embedded, isLocal: false })
    try {
      expect((await clientOf(open.url).ask('/metrics')).status).toBe(401)
      expect(JSON.stringify((await clientOf(open.url).ask('/health/ready')).body)).not.toContain('detail')
    } finally {
      await open.close()
    }
  })
})

test.each([
  ['PORT=3000', 'yes'],
  ['HOST=127.0.0.1', 'yes'],
  ['HOST=127.1.2.3', 'yes'],
  ['HOST=::1', 'yes'],
  ['HOST=localhost PUBLIC_URL=http://localhost:3000', 'yes'],
  ['HOST=0.0.0.0', 'no'],
  ['HOST=::', 'no'],
  ['HOST=192.168.1.5', 'no'],
  ['HOST=127.0.0.1.example.com', 'no'],
  ['PUBLIC_URL=https://verbatim.example', 'no'],
  ['TRUSTED_PROXIES=1', 'no'],
])('with %s the service is local: %s', (text, expected) => {
  const env = Object.fromEntries(text.split(' ').map((setting) => setting.split('=')))
  expect(isLocal(readSettings(env))).toBe(expected === 'yes')
})

describe('the state of the service', () => {
  const READY = { ready: true, detail: 'x' }
  const readiness = {
    ready: true,
    checks: { database: READY, storage: READY, queue: READY, engine: READY },
  }

  test('is read once for concurrent requests, and cached briefly', async () => {
    let read = 0
    const reading = Promise.withResolvers<typeof readiness>()
    const health = brieflyCached(
      () => {
        read += 1
        return reading.promise
      },
      { sharesReads: true },
    )
    const responses = Array.from({ length: 100 }, health)
    reading.resolve(readiness)
    expect(await Promise.all(responses)).toEqual(Array(100).fill(readiness))
    await health()
    expect(read).toBe(1)
  })

  test('is not shared between concurrent requests if the runtime forbids it', async () => {
    let read = 0
    const health = brieflyCached(
      async () => {
        read += 1
        await Bun.sleep(1)
        return readiness
      },
      { sharesReads: false },
    )
    await Promise.all([health(), health()])
    await health()
    expect(read).toBe(2)
  })
})
