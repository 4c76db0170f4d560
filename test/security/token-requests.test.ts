import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

setDefaultTimeout(60_000)

/** Ten times as many requests for tokens may come from one address. */
const LOGINS_PER_MINUTE = 2

describe.each(databases)('requests for tokens on $name', (kind) => {
  let service: TestService
  beforeAll(async () => {
    service = await startService({ kind, limits: { loginsPerMinute: LOGINS_PER_MINUTE } })
  })
  afterAll(() => service.close())

  const ask = (path: string, { from, body }: { from: string; body: string }) =>
    fetch(`${service.url}/api/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
      body,
    })

  test.each([
    ['192.0.2.1', 'refresh', '{"refresh_token":"vr_unknown"}', 401],
    ['192.0.2.2', 'logout', '{"refresh_token":"vr_unknown"}', 204],
    ['192.0.2.3', 'refresh', '{"refresh_token":7}', 400],
    ['192.0.2.4', 'login', `{"email":${'['.repeat(1000)}`, 400],
    ['192.0.2.5', 'register', 'no JSON', 400],
  ])('from %s: %s is counted before its body is looked at', async (from, path, body, status) => {
    const other = '198.51.100.1'
    const statuses: number[] = []
    for (let asked = 0; asked < LOGINS_PER_MINUTE * 10; asked++) {
      statuses.push((await ask(path, { from, body })).status)
    }
    expect(new Set(statuses)).toEqual(new Set([status]))
    for (const any of ['refresh', 'logout', 'login', 'register']) {
      const refused = await ask(any, { from, body })
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
      expect(await refused.json()).toMatchObject({ code: 'rate_limited' })
    }
    expect((await ask(path, { from: other, body })).status).toBe(status)
  })

  test('an address with a port is the address, and one that is none is the proxy’s', async () => {
    const body = '{}'
    for (let asked = 0; asked < LOGINS_PER_MINUTE * 10; asked++) {
      await ask('logout', { from: `203.0.113.7:${5000 + asked}`, body })
      await ask('logout', { from: `unknown`, body })
    }
    expect((await ask('logout', { from: '203.0.113.7', body })).status).toBe(429)
    expect((await ask('logout', { from: '_hidden', body })).status).toBe(429)
    expect((await ask('logout', { from: '203.0.113.8', body })).status).toBe(400)
  })
})
