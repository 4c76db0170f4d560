import ipaddr from 'ipaddr.js'
import { VerbatimError } from '../errors.ts'
import { isPublic, isWithin, type Network } from './networks.ts'

/** Below these live the system's services; mail, databases of old and the like are no one's audio. */
const FIRST_FREE_PORT = 1024

/** Where a URL leads: to a name, or to an address. Throws `url_refused`. */
export function targetOf(text: string): { url: URL; host: string; isAddress: boolean } {
  const url = URL.parse(text)
  // URL takes a NUL for %00, but Postgres keeps no text with one.
  if (!url || !/^https?:$/.test(url.protocol) || text.includes('\0'))
    throw refused('The URL is no http(s) URL')
  if (url.username || url.password) throw refused('The URL carries a user name or a password')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { url, host, isAddress: ipaddr.isValid(host) }
}

/** Throws `url_refused` where a host of these addresses is not to be asked, or not in this way. */
export function requireReachable({
  url,
  host,
  addresses,
  secure,
  allow,
}: {
  url: URL
  host: string
  addresses: string[]
  secure: boolean
  allow: Network[]
}): void {
  if (addresses.every((address) => isWithin(allow, address))) return
  if (!addresses.every((address) => isPublic(address) || isWithin(allow, address))) {
    throw refused(`The host ${host} is not on the public internet`)
  }
  if (secure && url.protocol !== 'https:') throw refused('The URL is no https URL')
  if (url.port !== '' && Number(url.port) < FIRST_FREE_PORT) {
    throw refused(`Port ${url.port} is none that a URL may name here`)
  }
}

export function refused(message: string) {
  return new VerbatimError('url_refused', message)
}
