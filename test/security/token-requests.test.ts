import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

/** An address may send ten times as many token requests. */
const LOGINS_PER_MINUTE = 2

describe.each(databases)('token requests on $name', (kind) => {
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
  ])('from %s to %s are counted before the body is read', async (from, path, body, status) => {
    const other = '198.51.100.1'
    const statuses: number[] = []
    for (let count = 0; count < LOGINS_PER_MINUTE * 10; count++) {
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

  test('are counted by address without its port, and by the proxy’s address if X-Forwarded-For has none', async () => {
    const body = '{}'
    for (let count = 0; count < LOGINS_PER_MINUTE * 10; count++) {
      await ask('logout', { from: `203.0.113.7:${5000 + count}`, body })
      await ask('logout', { from: `unknown`, body })
    }
    expect((await ask('logout', { from: '203.0.113.7', body })).status).toBe(429)
    expect((await ask('logout', { from: '_hidden', body })).status).toBe(429)
    expect((await ask('logout', { from: '203.0.113.8', body })).status).toBe(400)
  })
})
