import ipaddr from 'ipaddr.js'

export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Public addresses at which clouds serve metadata, including credentials, to their virtual machines. */
const CLOUD_METADATA = new Set(['168.63.129.16'])

/** The addresses of hosts on the IPv6 internet. All others are for transition mechanisms and private use. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** Parses an address, or a network such as `10.0.0.0/8`; undefined if the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return [ipaddr.IPv4.parse(text), 32]
  if (ipaddr.IPv6.isValid(text)) return [ipaddr.IPv6.parse(text), 128]
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined
}

/**
 * Whether an address is on the internet: not private, shared, local, multicast, or an embedding of another
 * one.
 */
export function isPublic(text: string): boolean {
  const address = ipaddr.parse(text)
  if (address.range() !== 'unicast' || CLOUD_METADATA.has(text)) return false
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST)
}

export function isWithin(networks: Network[], text: string): boolean {
  const address = ipaddr.parse(text)
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))
}

/** Lengths of NAT64 prefixes, and the bytes of an address that hold the IPv4 address (RFC 6052 §2.2). */
const EMBEDDED: Record<number, [number, number, number, number]> = {
  32: [4, 5, 6, 7],
  40: [5, 6, 7, 9],
  48: [6, 7, 9, 10],
  56: [7, 9, 10, 11],
  64: [9, 10, 11, 12],
  96: [12, 13, 14, 15],
}

/** Parses an IPv6 network that can be a NAT64 prefix; undefined if it cannot. */
export function parseNat64Prefix(text: string): Network | undefined {
  const network = parseNetwork(text)
  return network?.[0].kind() === 'ipv6' && network[1] in EMBEDDED ? network : undefined
}

/**
 * The destination of a connection to an address: the embedded IPv4 address behind a NAT64, else the address.
 */
export function destinationOf(text: string, nat64: Network | null): string {
  const byteIndexes = nat64 && isWithin([nat64], text) ? EMBEDDED[nat64[1]] : undefined
  if (!byteIndexes) return text
  const bytes = ipaddr.parse(text).toByteArray()
  return byteIndexes.map((index) => bytes[index]).join('.')
}

/** The canonical spelling of an address, for comparisons. */
export const plainAddress = (text: string) => ipaddr.process(text).toString()
