import { lookup } from 'node:dns/promises'
import { type ClientRequest, request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { VerbatimError } from '../errors.ts'
import { storableText } from '../storable-text.ts'
import { answerOf } from './answer.ts'
import type { Network } from './networks.ts'
import type { Outbound, OutboundRequest } from './outbound.ts'
import { parseTarget, requireReachable } from './policy.ts'

type Address = { address: string; family: number }

const MAX_MESSAGE_LENGTH = 500
const REDIRECTS = [301, 302, 303, 307, 308]
/** To find a host that is only looked at, and not asked. */
const LOOK_MS = 10_000

/** What a host may send before the head of its answer (RFC 9110 §15.2): informational responses, and bytes in all. */
const MAX_INFORMATIONAL = 16
const MAX_HEAD_BYTES = 256 * 1024

/**
 * Resolves a host once, looks at each of its addresses, and connects to those and no others, so that a name that
 * resolves otherwise the next moment leads nowhere else. No proxy of the environment is used.
 *
 * `allow`: networks that may be reached though they are not public. `nat64`: the prefix of the network's NAT64. `ownAddresses`: the
 * machine's, asked for at each look, since they change. `certificates`: PEM, trusted instead of the system's.
 */
export function guardedOutbound({
  allow,
  nat64 = null,
  ownAddresses = addressesOfInterfaces,
  resolve = (host) => lookup(host, { all: true }),
  certificates,
}: {
  allow: Network[]
  nat64?: Network | null
  ownAddresses?: () => string[]
  resolve?: (host: string) => Promise<Address[]>
  certificates?: string
}): Outbound {
  /** The addresses to connect to. Throws the signal's reason too. */
  async function look({
    url: text,
    secure = false,
    timeoutMs,
    signal,
  }: Pick<OutboundRequest, 'url' | 'secure' | 'timeoutMs'> & { signal?: AbortSignal }) {
    const { url, host, isAddress } = parseTarget(text)
    const addresses = isAddress
      ? [{ address: host, family: isIP(host) }]
      : await found({ host, timeoutMs, signal })
    if (addresses.length === 0) throw failed(`The host ${host} is not found`)
    const reach = { allow, nat64, own: ownAddresses() }
    requireReachable({ url, host, secure, reach, addresses: addresses.map(({ address }) => address) })
    return { url, host, addresses }
  }

  /** None where it is not known; a lookup that is left goes on unheard, as it cannot be broken off. */
  async function found({
    host,
    timeoutMs,
    signal,
  }: {
    host: string
    timeoutMs: number
    signal: AbortSignal | undefined
  }): Promise<Address[]> {
    signal?.throwIfAborted()
    const { promise, resolve: take, reject } = Promise.withResolvers<Address[]>()
    const leave = () => reject(signal?.reason)
    const timer = setTimeout(() => reject(failed(`The host ${host} was not found in time`)), timeoutMs)
    signal?.addEventListener('abort', leave)
    resolve(host).then(take, () => take([]))
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
    }
  }

  async function ask(request: OutboundRequest): Promise<Response> {
    const { method, headers = {}, body, timeoutMs, signal } = request
    const patience = AbortSignal.timeout(timeoutMs)
    const { url, host, addresses } = await look(request)
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const asked = (url.protocol === 'https:' ? overHttps : overHttp)(url, {
      method,
      headers: { 'User-Agent': 'Verbatim', 'Accept-Encoding': 'identity', ...headers },
      agent: false,
      lookup: (_, { all }, found) => {
        const [first = { address: '', family: 0 }] = addresses
        if (all) found(null, addresses)
        else found(null, first.address, first.family)
      },
      ...(certificates && { ca: certificates }),
    })
    limitHead(asked)
    const breakOff = () => asked.destroy()
    asked.on('response', (message) => {
      patience.removeEventListener('abort', breakOff)
      message.on('close', () => signal.removeEventListener('abort', breakOff))
      try {
        resolve(answerOf(message))
      } catch (error) {
        message.destroy()
        reject(failed(`The host ${host} gave an answer that is not HTTP`, error))
      }
    })
    asked.on('error', (error) => {
      const late = `The host ${host} did not answer within ${timeoutMs / 1000} seconds`
      if (signal.aborted) reject(signal.reason)
      else
        reject(failed(patience.aborted ? late : `The host ${host} cannot be asked: ${error.message}`, error))
    })
    patience.addEventListener('abort', breakOff)
    signal.addEventListener('abort', breakOff)
    if (signal.aborted || patience.aborted) breakOff()
    asked.end(body)
    return promise
  }

  return {
    async check(request) {
      await look({ ...request, timeoutMs: LOOK_MS })
    },

    async request({ redirects = 0, ...first }) {
      let answer = await ask(first)
      let url = first.url
      for (let followed = 0; redirects > 0 && REDIRECTS.includes(answer.status); followed++) {
        await answer.body?.cancel()
        if (followed === redirects) throw failed(`The URL leads on over more than ${redirects} others`)
        const next = URL.parse(answer.headers.get('location') ?? '', url)
        if (!next) throw failed('The URL leads on to nowhere')
        url = next.href
        answer = await ask({ ...first, url })
      }
      return answer
    },
  }
}

function addressesOfInterfaces(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address))
}

/** Breaks a request off whose host sends informational responses, or bytes, without ever sending the head of its answer. */
function limitHead(asked: ClientRequest): void {
  let informational = 0
  let bytes = 0
  let isAnswered = false
  const breakOff = () => asked.destroy(new Error('it sent too much before the head of its answer'))
  asked.on('information', () => {
    informational++
    if (informational > MAX_INFORMATIONAL) breakOff()
  })
  asked.on('socket', (socket) => {
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length
      // A chunk may hold the head too, which is told of after it.
      if (bytes > MAX_HEAD_BYTES) setImmediate(() => isAnswered || breakOff())
    }
    socket.on('data', count)
    asked.once('response', () => {
      isAnswered = true
      socket.off('data', count)
    })
  })
}

/** What a host makes a library say, such as the names in its certificate, is kept with a webhook's attempts. */
function failed(message: string, cause?: unknown) {
  return new VerbatimError('url_failed', storableText(message, MAX_MESSAGE_LENGTH), { cause })
}
