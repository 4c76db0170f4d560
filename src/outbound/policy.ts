import ipaddr from 'ipaddr.js'
import { VerbatimError } from '../errors.ts'
import { destinationOf, isPublic, isWithin, type Network, plainAddress } from './networks.ts'

/** Ports below this one belong to system services, such as SMTP, which serve no audio. */
const FIRST_USER_PORT = 1024

/** The SSRF policy: which addresses URLs of users may resolve to. */
export type Policy = {
  /** Networks that are allowed although they are not public. */
  allow: Network[]
  /** The prefix of the network's NAT64; null if it has none. */
  nat64: Network | null
  /** The machine's own addresses. Services that listen there may trust local connections. */
  own: string[]
}

/** Longer than any signed URL of a bucket. */
const MAX_URL_LENGTH = 8192

/** Parses a URL; its host is a name or an address. Throws `url_refused`. */
export function parseTarget(text: string): { url: URL; host: string; isAddress: boolean } {
  if (text.length > MAX_URL_LENGTH) throw urlRefused(`The URL is longer than ${MAX_URL_LENGTH} characters`)
  // URL.parse converts NUL to %00, but Postgres cannot store a text with NUL.
  if (text.includes('\0')) throw urlRefused('The URL must not contain a NUL character')
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw urlRefused('The URL must start with http:// or https://')
  }
  if (url.username || url.password) throw urlRefused('The URL must not contain a user name or password')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { url, host, isAddress: ipaddr.isValid(host) }
}

/** Throws `url_refused` if the policy does not allow a request to a host with these addresses. */
export function requireAllowed({
  url,
  host,
  addresses,
  secure,
  policy: { allow, nat64, own },
}: {
  url: URL
  host: string
  addresses: string[]
  secure: boolean
  policy: Policy
}): void {
  const destinations = addresses.map((address) => destinationOf(address, nat64))
  const others = destinations.filter((address) => !isWithin(allow, address))
  if (others.length === 0) return
  if (!others.every(isPublic)) throw urlRefused(`The host ${host} is not on the public internet`)
  const isOwn = new Set(own.map(plainAddress))
  if (others.some((address) => isOwn.has(plainAddress(address)))) {
    throw urlRefused(`The host ${host} is the machine that this service runs on`)
  }
  if (secure && url.protocol !== 'https:') throw urlRefused('The URL must be an https URL')
  if (url.port !== '' && Number(url.port) < FIRST_USER_PORT) {
    throw urlRefused(
      `Port ${url.port} is not allowed: use the default port, or one from ${FIRST_USER_PORT} on`,
    )
  }
}

export function urlRefused(message: string) {
  return new VerbatimError('url_refused', message)
}
