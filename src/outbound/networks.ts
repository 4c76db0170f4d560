import ipaddr from 'ipaddr.js'

export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Addresses of the outside that clouds answer their guests at, credentials among the answers. */
const INSIDE = new Set(['168.63.129.16'])

/** Addresses that are given out to hosts of the IPv6 internet; outside of it are only transitions and private uses. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** An address, or a network such as `10.0.0.0/8`; undefined where the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return [ipaddr.IPv4.parse(text), 32]
  if (ipaddr.IPv6.isValid(text)) return [ipaddr.IPv6.parse(text), 128]
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined
}

/** Whether anyone on the internet reaches this address: none that is private, shared, local, multicast or wraps another. */
export function isPublic(text: string): boolean {
  const address = ipaddr.parse(text)
  if (address.range() !== 'unicast' || INSIDE.has(text)) return false
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST)
}

export function isWithin(networks: Network[], text: string): boolean {
  const address = ipaddr.parse(text)
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))
}

/** Lengths of a NAT64 prefix, and the bytes of an address behind it that hold the IPv4 address (RFC 6052 §2.2: never byte 8). */
const EMBEDDED: Record<number, [number, number, number, number]> = {
  32: [4, 5, 6, 7],
  40: [5, 6, 7, 9],
  48: [6, 7, 9, 10],
  56: [7, 9, 10, 11],
  64: [9, 10, 11, 12],
  96: [12, 13, 14, 15],
}

/** An IPv6 network that may be a NAT64's prefix; undefined where the text is none. */
export function parseNat64Prefix(text: string): Network | undefined {
  const network = parseNetwork(text)
  return network?.[0].kind() === 'ipv6' && network[1] in EMBEDDED ? network : undefined
}

/** Where a connection to an address ends: behind a NAT64's prefix at the IPv4 address in it, else at the address itself. */
export function destinationOf(text: string, nat64: Network | null): string {
  const places = nat64 && isWithin([nat64], text) ? EMBEDDED[nat64[1]] : undefined
  if (!places) return text
  const bytes = ipaddr.parse(text).toByteArray()
  return places.map((place) => bytes[place]).join('.')
}

/** One spelling of each address, to compare by. */
export const plainAddress = (text: string) => ipaddr.process(text).toString()
