import type { Network } from './networks.ts'
import type { Outbound } from './outbound.ts'
import { parseTarget, requireReachable, urlRefused } from './policy.ts'

/** Any public address: stands for those of a name that is not looked up. */
const PUBLIC = '1.1.1.1'

/**
 * For runtimes in which a connection cannot be held to an address that was looked at: asks nobody. URLs are judged by
 * what they say, and whoever asks them later judges them by where they lead.
 */
export function noFetchOutbound({
  allow,
  nat64 = null,
}: {
  allow: Network[]
  nat64?: Network | null
}): Outbound {
  const reach = { allow, nat64, own: [] }

  return {
    async check({ url: text, secure = false }) {
      const { url, host, isAddress } = parseTarget(text)
      // A name may be of a network that the operator has named.
      if (!isAddress && allow.length > 0) return
      requireReachable({ url, host, secure, reach, addresses: [isAddress ? host : PUBLIC] })
    },

    async request() {
      throw urlRefused('Here no audio is fetched from URLs: send the audio itself')
    },
  }
}
