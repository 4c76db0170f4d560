import type { Network } from './networks.ts'
import type { Outbound } from './outbound.ts'
import { parseTarget, requireAllowed, urlRefused } from './policy.ts'

/** Any public address, in place of those of a name, which is not resolved. */
const PUBLIC = '1.1.1.1'

/**
 * For runtimes that cannot pin a connection to a checked address: sends no requests. `check` judges a URL by
 * its text. The process that sends the request later checks the addresses too.
 */
export function noFetchOutbound({
  allow,
  nat64 = null,
}: {
  allow: Network[]
  nat64?: Network | null
}): Outbound {
  const policy = { allow, nat64, own: [] }

  return {
    async check({ url: text, secure = false }) {
      const { url, host, isAddress } = parseTarget(text)
      // The name may resolve to an address in an allowed network.
      if (!isAddress && allow.length > 0) return
      requireAllowed({ url, host, secure, policy, addresses: [isAddress ? host : PUBLIC] })
    },

    async request() {
      throw urlRefused('This server does not download from URLs: upload the audio instead')
    },
  }
}
