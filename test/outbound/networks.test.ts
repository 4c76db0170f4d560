import { describe, expect, test } from 'bun:test'
import {
  destinationOf,
  isPublic,
  isWithin,
  parseNat64Prefix,
  parseNetwork,
} from '../../src/outbound/networks.ts'

describe('isPublic', () => {
  test.each(['1.1.1.1', '93.184.215.14', '172.32.0.1', '2606:4700:4700::1111', '2a00:1450:4001::200e'])(
    '%s is',
    (address) => expect(isPublic(address)).toBe(true),
  )

  test.each([
    ['this machine', ['127.0.0.1', '127.255.255.254', '0.0.0.0', '::1', '::']],
    ['private networks', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff::1']],
    ['links', ['169.254.1.1', 'fe80::1', 'fe80::1%eth0', 'fec0::1']],
    ['a cloud’s metadata', ['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '168.63.129.16']],
    ['a carrier’s inner network', ['100.64.0.1', '100.127.255.255']],
    ['many at once', ['224.0.0.1', '239.255.255.250', '255.255.255.255', 'ff02::1']],
    ['reserved and for documents', ['192.0.0.192', '192.0.2.1', '198.18.0.1', '203.0.113.9', '240.0.0.1']],
    ['IPv4 within IPv6', ['::ffff:127.0.0.1', '::ffff:a00:1', '::127.0.0.1', '::ffff:0:10.0.0.1']],
    ['NAT64', ['64:ff9b::7f00:1', '64:ff9b:1::a00:1']],
    ['6to4, Teredo and other ways through', ['2002:7f00:1::', '2001::1', '100::1', '2001:db8::1', '5f00::1']],
  ])('%s is not', (_, addresses) => {
    expect(addresses.filter(isPublic)).toEqual([])
  })
})

test('an allowed network contains its own addresses only', () => {
  const allowed = ['10.1.0.0/16', '192.168.7.7', 'fd00::/8'].flatMap((text) => {
    const network = parseNetwork(text)
    return network ? [network] : []
  })
  const addresses = [
    '10.1.255.1',
    '10.2.0.1',
    '192.168.7.7',
    '192.168.7.8',
    'fd12::1',
    'fe80::1',
    '::ffff:10.1.0.1',
  ]
  expect(addresses.filter((address) => isWithin(allowed, address))).toEqual([
    '10.1.255.1',
    '192.168.7.7',
    'fd12::1',
  ])
})

test.each([
  // RFC 6052 §2.4.
  ['2001:db8::/32', '2001:db8:c000:221::'],
  ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
  ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100::'],
  ['2001:db8:122:344::/96', '2001:db8:122:344::192.0.2.33'],
])('an address in the NAT64 prefix %s leads to the IPv4 address that it embeds', (prefix, address) => {
  const nat64 = parseNat64Prefix(prefix) ?? null
  expect(destinationOf(address, nat64)).toBe('192.0.2.33')
  expect(destinationOf('2606:4700::1', nat64)).toBe('2606:4700::1')
  expect(destinationOf('192.0.2.1', nat64)).toBe('192.0.2.1')
})
