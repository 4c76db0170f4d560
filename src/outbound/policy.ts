import ipaddr from 'ipaddr.js'
import { VerbatimError } from '../errors.ts'
import { destinationOf, isPublic, isWithin, type Network, plainAddress } from './networks.ts'

/** Below these live the system's services; mail, databases of old and the like are no one's audio. */
const FIRST_FREE_PORT = 1024

/** Where URLs of users may lead. */
export type Reach = {
  /** Networks that may be reached though they are not public. */
  allow: Network[]
  /** The prefix of the network's NAT64; null: there is none. */
  nat64: Network | null
  /** The machine's own addresses: what listens there trusts what comes from inside of its firewall. */
  own: string[]
}

/** More than any signed link to a bucket has. */
const MAX_URL_LENGTH = 8192

/** Where a URL leads: to a name, or to an address. Throws `url_refused`. */
export function parseTarget(text: string): { url: URL; host: string; isAddress: boolean } {
  if (text.length > MAX_URL_LENGTH) throw urlRefused(`The URL is longer than ${MAX_URL_LENGTH} characters`)
  const url = URL.parse(text)
  // URL takes a NUL for %00, but Postgres keeps no text with one.
  if (!url || !/^https?:$/.test(url.protocol) || text.includes('\0'))
    throw urlRefused('The URL is no http(s) URL')
  if (url.username || url.password) throw urlRefused('The URL carries a user name or a password')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { url, host, isAddress: ipaddr.isValid(host) }
}

/** Throws `url_refused` where a host of these addresses is not to be asked, or not in this way. */
export function requireReachable({
  url,
  host,
  addresses,
  secure,
  reach: { allow, nat64, own },
}: {
  url: URL
  host: string
  addresses: string[]
  secure: boolean
  reach: Reach
}): void {
  const destinations = addresses.map((address) => destinationOf(address, nat64))
  const others = destinations.filter((address) => !isWithin(allow, address))
  if (others.length === 0) return
  if (!others.every(isPublic)) throw urlRefused(`The host ${host} is not on the public internet`)
  const isOwn = new Set(own.map(plainAddress))
  if (others.some((address) => isOwn.has(plainAddress(address)))) {
    throw urlRefused(`The host ${host} is the machine that this service runs on`)
  }
  if (secure && url.protocol !== 'https:') throw urlRefused('The URL is no https URL')
  if (url.port !== '' && Number(url.port) < FIRST_FREE_PORT) {
    throw urlRefused(`Port ${url.port} is none that a URL may name here`)
  }
}

export function urlRefused(message: string) {
  return new VerbatimError('url_refused', message)
}
