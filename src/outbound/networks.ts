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
