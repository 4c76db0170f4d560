import { expect, test } from 'bun:test'
import { clientAddress } from '../../src/http/headers/client-address.ts'

const from = (socketAddress: string | undefined, trustedProxies = 0, forwarded?: string) =>
  clientAddress({
    headers: new Headers(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
    socketAddress,
    trustedProxies,
  })

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
  ['2001:db8:1:2:ffff::1', '2001:db8:1:2::'],
  ['/var/run/socket', null],
  [undefined, null],
])('the address of the socket %s is %p', (socket, address) => {
  expect(from(socket)).toBe(address)
})

test('X-Forwarded-For is ignored without a trusted proxy', () => {
  expect(from('192.0.2.1', 0, '198.51.100.7')).toBe('192.0.2.1')
})

test.each([
  [1, '198.51.100.7', '198.51.100.7'],
  [1, '203.0.113.9, 198.51.100.7', '198.51.100.7'],
  [2, '203.0.113.9, 198.51.100.7', '203.0.113.9'],
  [2, 'forged, 203.0.113.9,198.51.100.7', '203.0.113.9'],
  [1, '198.51.100.7:5555', '198.51.100.7'],
  [1, '203.0.113.9:80, 198.51.100.7:5555', '198.51.100.7'],
  [1, '[2001:db8:1:2:3:4:5:6]:5555', '2001:db8:1:2::'],
  [1, '[2001:db8:1:2:3:4:5:6]', '2001:db8:1:2::'],
  [1, '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
  [1, '[::ffff:198.51.100.7]:1', '198.51.100.7'],
  // Not an address: the socket's address is counted.
  [1, 'unknown', '192.0.2.1'],
  [1, '198.51.100.7:port', '192.0.2.1'],
  [1, '_hidden', '192.0.2.1'],
  [1, '198.51.100.7, ', '192.0.2.1'],
  [1, `${'1'.repeat(10_000)}`, '192.0.2.1'],
  [1, `[${':'.repeat(10_000)}]`, '192.0.2.1'],
  // Requests that bypassed the proxies.
  [1, undefined, '192.0.2.1'],
  [2, '198.51.100.7', '192.0.2.1'],
])('behind %d proxies, X-Forwarded-For: %p is the address %p', (proxies, forwarded, address) => {
  expect(from('192.0.2.1', proxies, forwarded)).toBe(address)
})
