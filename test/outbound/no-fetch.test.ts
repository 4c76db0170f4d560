import { expect, test } from 'bun:test'
import { parseNetwork } from '../../src/outbound/networks.ts'
import { noFetchOutbound } from '../../src/outbound/no-fetch.ts'

const outbound = noFetchOutbound({ allow: [] })
const network = parseNetwork('10.0.0.0/8') ?? expect.unreachable()
const allowing = noFetchOutbound({ allow: [network] })

test.each([
  'ftp://example.com/',
  'https://user:word@example.com/',
  'http://example.com/',
  'https://127.0.0.1/',
  'https://[::1]/',
  'https://2130706433/',
  'https://10.0.0.1/',
  'https://example.com:25/',
])('%s is refused as it stands', async (url) => {
  await expect(outbound.check({ url, secure: true })).rejects.toMatchObject({ code: 'url_refused' })
})

test.each(['https://example.com/hook', 'https://example.com:8443/hook', 'https://1.1.1.1/hook'])(
  '%s is left to whoever asks it',
  async (url) => {
    expect(await outbound.check({ url, secure: true })).toBeUndefined()
  },
)

test('with an allowed network, names are accepted and addresses are checked', async () => {
  expect(await allowing.check({ url: 'http://hooks.internal/', secure: true })).toBeUndefined()
  expect(await allowing.check({ url: 'http://10.1.2.3/', secure: true })).toBeUndefined()
  await expect(allowing.check({ url: 'http://192.168.0.1/', secure: true })).rejects.toMatchObject({
    code: 'url_refused',
  })
})
