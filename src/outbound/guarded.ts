import { lookup } from 'node:dns/promises'
import { type ClientRequest, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { VerbatimError } from '../errors.ts'
import { storableText } from '../storable-text.ts'
import { toResponse } from './answer.ts'
import type { Network } from './networks.ts'
import type { Outbound, OutboundRequest } from './outbound.ts'
import { parseTarget, requireAllowed } from './policy.ts'

type Address = { address: string; family: number }
type Resolve = (host: string) => Promise<Address[]>
type Target = { url: URL; host: string; addresses: Address[] }

const MAX_MESSAGE_LENGTH = 500
const REDIRECTS = [301, 302, 303, 307, 308]
/** DNS timeout of a check without a request. */
const CHECK_MS = 10_000

/**
 * Limits on what a host may send before its response: informational responses (RFC 9110 §15.2), and bytes.
 */
const MAX_INFORMATIONAL = 16
const MAX_HEAD_BYTES = 256 * 1024

/**
 * Requests with SSRF protection. Resolves a host once, checks all of its addresses, and connects only to
 * these, so that a name that resolves to another address later (DNS rebinding) has no effect. Ignores the
 * environment's proxy.
 *
 * `allow`: networks that are allowed although they are not public. `nat64`: the prefix of the network's
 * NAT64. `ownAddresses`: returns the machine's addresses; called for each check, since they change.
 * `certificates`: PEM, trusted instead of the system's.
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
  resolve?: Resolve
  certificates?: string
}): Outbound {
  /** Returns the checked addresses. Also throws the signal's reason. */
  async function resolveTarget({
    url: text,
    secure = false,
    timeoutMs,
    signal,
  }: Pick<OutboundRequest, 'url' | 'secure' | 'timeoutMs'> & { signal?: AbortSignal }): Promise<Target> {
    const { url, host, isAddress } = parseTarget(text)
    const addresses = isAddress
      ? [{ address: host, family: isIP(host) }]
      : await lookUp({ host, resolve, timeoutMs, signal })
    if (addresses.length === 0) throw failed(`The host ${host} was not found`)
    const policy = { allow, nat64, own: ownAddresses() }
    requireAllowed({ url, host, secure, policy, addresses: addresses.map(({ address }) => address) })
    return { url, host, addresses }
  }

  async function send(request: OutboundRequest): Promise<Response> {
    const timeout = AbortSignal.timeout(request.timeoutMs)
    const target = await resolveTarget(request)
    return sendTo(target, { request, timeout, certificates })
  }

  return {
    async check(request) {
      await resolveTarget({ ...request, timeoutMs: CHECK_MS })
    },

    async request({ redirects = 0, ...first }) {
      let response = await send(first)
      let url = first.url
      for (let followed = 0; redirects > 0 && REDIRECTS.includes(response.status); followed++) {
        await response.body?.cancel()
        if (followed === redirects) throw failed(`Too many redirects (more than ${redirects})`)
        const next = URL.parse(response.headers.get('location') ?? '', url)
        if (!next) throw failed('A redirect has no valid Location')
        url = next.href
        response = await send({ ...first, url })
      }
      return response
    },
  }
}

/**
 * Returns no address if the host is unknown. A DNS lookup cannot be canceled: its late result is ignored.
 */
async function lookUp({
  host,
  resolve,
  timeoutMs,
  signal,
}: {
  host: string
  resolve: Resolve
  timeoutMs: number
  signal: AbortSignal | undefined
}): Promise<Address[]> {
  signal?.throwIfAborted()
  const { promise, resolve: settle, reject } = Promise.withResolvers<Address[]>()
  const onAbort = () => reject(signal?.reason)
  const timer = setTimeout(
    () => reject(failed(`The host ${host} was not found within ${timeoutMs / 1000} seconds`)),
    timeoutMs,
  )
  signal?.addEventListener('abort', onAbort)
  resolve(host).then(settle, () => settle([]))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Sends a request to one of the checked addresses, without DNS and without a proxy. */
function sendTo(
  { url, host, addresses }: Target,
  {
    request: { method, headers = {}, body, timeoutMs, signal },
    timeout,
    certificates,
  }: { request: OutboundRequest; timeout: AbortSignal; certificates: string | undefined },
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const clientRequest = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method,
    headers: { 'User-Agent': 'Verbatim', 'Accept-Encoding': 'identity', ...headers },
    agent: false,
    lookup: (_, { all }, callback) => {
      const [first = { address: '', family: 0 }] = addresses
      if (all) callback(null, addresses)
      else callback(null, first.address, first.family)
    },
    ...(certificates && { ca: certificates }),
  })
  limitHead(clientRequest)
  const abort = () => clientRequest.destroy()
  clientRequest.on('response', (message) => {
    timeout.removeEventListener('abort', abort)
    message.on('close', () => signal.removeEventListener('abort', abort))
    try {
      resolve(toResponse(message))
    } catch (error) {
      message.destroy()
      reject(failed(`The host ${host} sent an invalid HTTP response`, error))
    }
  })
  clientRequest.on('error', (error) => {
    if (signal.aborted) return reject(signal.reason)
    const message = timeout.aborted
      ? `The host ${host} did not answer within ${timeoutMs / 1000} seconds`
      : `The request to the host ${host} failed: ${error.message}`
    reject(failed(message, error))
  })
  timeout.addEventListener('abort', abort)
  signal.addEventListener('abort', abort)
  if (signal.aborted || timeout.aborted) abort()
  clientRequest.end(body)
  return promise
}

function addressesOfInterfaces(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address))
}

/** Aborts a request whose host sends too many informational responses, or bytes, before its response. */
function limitHead(request: ClientRequest): void {
  let informational = 0
  let bytes = 0
  let hasResponse = false
  const abort = () => request.destroy(new Error('the host sent too much before its response'))
  request.on('information', () => {
    informational++
    if (informational > MAX_INFORMATIONAL) abort()
  })
  request.on('socket', (socket) => {
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length
      // The chunk may contain the head of the response. Its event follows this one.
      if (bytes > MAX_HEAD_BYTES) setImmediate(() => hasResponse || abort())
    }
    socket.on('data', count)
    request.once('response', () => {
      hasResponse = true
      socket.off('data', count)
    })
  })
}

/**
 * Webhook attempts store the message. A host can influence it, for example by the names in its certificate.
 */
function failed(message: string, cause?: unknown) {
  return new VerbatimError('url_failed', storableText(message, MAX_MESSAGE_LENGTH), { cause })
}
