import ipaddr from 'ipaddr.js'

/** `192.0.2.1:5555` and `[2001:db8::1]:5555`, which some gateways write (also RFC 7239 §6). */
const WITH_PORT = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::\d{1,5})?$/i

/**
 * The address that rate limits count by: the socket's address or, behind `trustedProxies` proxies, the
 * address that the outermost one wrote to `X-Forwarded-For` (each proxy appends one). If that is not an
 * address (`unknown`), the socket's address is used, so that nobody can avoid being counted. An IPv6 address
 * is reduced to its /64 network, because one client usually has the whole network. Null if the socket has no
 * address.
 */
export function clientAddress({
  headers,
  socketAddress = '',
  trustedProxies,
}: {
  headers: Headers
  socketAddress: string | undefined
  trustedProxies: number
}): string | null {
  const forwarded = (headers.get('x-forwarded-for') ?? '').split(',').at(-trustedProxies) ?? ''
  return (trustedProxies > 0 ? clientIn(forwarded.trim()) : null) ?? clientIn(socketAddress)
}

function clientIn(text: string): string | null {
  const [, bracketed, plain] = WITH_PORT.exec(text) ?? []
  const written = bracketed ?? plain ?? text
  if (!ipaddr.isValid(written)) return null
  const address = ipaddr.process(written)
  if (address.kind() === 'ipv4') return address.toString()
  return ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/64`).toString()
}
