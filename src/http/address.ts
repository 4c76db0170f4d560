import ipaddr from 'ipaddr.js'

/**
 * Where a request comes from: the socket's address, or, behind `trustedProxies` proxies, what the outermost of them saw
 * (`X-Forwarded-For`, in which each adds its own at the end). Of IPv6 the network (/64), which is what one client has.
 * Null where it is not known.
 */
export function addressOf({
  headers,
  socketAddress,
  trustedProxies,
}: {
  headers: Headers
  socketAddress: string | undefined
  trustedProxies: number
}): string | null {
  const forwarded = (headers.get('x-forwarded-for') ?? '').split(',').map((part) => part.trim())
  const seen = trustedProxies > 0 ? forwarded.at(-trustedProxies) || socketAddress : socketAddress
  if (!seen || !ipaddr.isValid(seen)) return null
  const address = ipaddr.process(seen)
  if (address.kind() === 'ipv4') return address.toString()
  return ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/64`).toString()
}
