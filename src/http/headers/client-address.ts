import ipaddr from 'ipaddr.js'

/** `192.0.2.1:5555` and `[2001:db8::1]:5555`, as some gateways write the addresses of clients (RFC 7239 §6 too). */
const WITH_PORT = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::\d{1,5})?$/i

/**
 * Where a request comes from: the socket's address, or, behind `trustedProxies` proxies, what the outermost of them saw
 * (`X-Forwarded-For`, in which each adds its own at the end), with or without a port. If a proxy wrote no address (`unknown`), the
 * socket's counts: else whoever gets a proxy to write such a thing is not counted at all. Of IPv6 the network (/64), which is what
 * one client has. Null if the socket has no address.
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
