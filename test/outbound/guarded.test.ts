import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { guardedOutbound } from '../../src/outbound/guarded.ts'
import { type Network, parseNetwork } from '../../src/outbound/networks.ts'
import type { OutboundRequest } from '../../src/outbound/outbound.ts'
import { openEndlessHost, openRawHost, type RawHost } from './raw-host.ts'

const pem = (name: string) =>
  readFile(fileURLToPath(new URL(`../fixtures/files.example.${name}.pem`, import.meta.url)), 'utf8')

const network = (text: string): Network => {
  const parsed = parseNetwork(text)
  if (!parsed) throw new Error(text)
  return parsed
}
const LOOPBACK = network('127.0.0.0/8')

const never = new AbortController().signal
const get = (url: string, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  method: 'GET',
  url,
  timeoutMs: 10_000,
  signal: never,
  ...more,
})

/** The code and message that were thrown. */
const outcomeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'it went through',
    (error) => ({ code: error.code, error: error.message }),
  )

describe('the SSRF policy', () => {
  const closed = guardedOutbound({ allow: [] })

  test.each([
    ['http://127.0.0.1/', 'public internet'],
    ['http://localhost:3000/', 'public internet'],
    ['http://0x7f.1/', 'public internet'],
    ['http://2130706433/', 'public internet'],
    ['http://0177.0.0.1/', 'public internet'],
    ['http://127.1/', 'public internet'],
    ['http://１２７.0.0.1/', 'public internet'],
    ['http://[::1]/', 'public internet'],
    ['http://[::ffff:127.0.0.1]/', 'public internet'],
    ['http://[64:ff9b::7f00:1]/', 'public internet'],
    ['http://[2002:7f00:1::]/', 'public internet'],
    ['http://169.254.169.254/latest/meta-data/', 'public internet'],
    ['http://10.0.0.8/', 'public internet'],
    ['http://1.1.1.1:22/', 'Port 22'],
    ['https://1.1.1.1:25/', 'Port 25'],
    ['https://ada:secret@1.1.1.1/', 'user name'],
    ['file:///etc/passwd', 'must start with http'],
    ['ftp://1.1.1.1/', 'must start with http'],
    ['gopher://1.1.1.1/', 'must start with http'],
    ['//1.1.1.1/', 'must start with http'],
    ['https://1.1.1.1/\0', 'NUL'],
    ['', 'must start with http'],
  ])('%j is refused', async (url, reason) => {
    const refusal = { code: 'url_refused', error: expect.stringContaining(reason) }
    expect(await outcomeOf(closed.check({ url }))).toEqual(refusal)
    expect(await outcomeOf(closed.request(get(url)))).toEqual(refusal)
  })

  test('a secure request to a public host must use https', async () => {
    expect(await outcomeOf(closed.check({ url: 'http://1.1.1.1/', secure: true }))).toMatchObject({
      code: 'url_refused',
    })
    expect(await outcomeOf(closed.check({ url: 'https://1.1.1.1/', secure: true }))).toBe('it went through')
    expect(await outcomeOf(closed.check({ url: 'http://1.1.1.1:8080/' }))).toBe('it went through')
    const open = guardedOutbound({ allow: [LOOPBACK] })
    expect(await outcomeOf(open.check({ url: 'http://127.0.0.1:22/', secure: true }))).toBe('it went through')
  })

  test('a host with one private address among public ones is refused', async () => {
    const mixed = guardedOutbound({
      allow: [],
      resolve: async () => [
        { address: '1.1.1.1', family: 4 },
        { address: '192.168.0.1', family: 4 },
      ],
    })
    expect(await outcomeOf(mixed.check({ url: 'https://files.example/' }))).toEqual({
      code: 'url_refused',
      error: 'The host files.example is not on the public internet',
    })
  })

  test('the machine’s own public addresses are refused unless they are allowed', async () => {
    const own = { ownAddresses: () => ['8.8.4.4', '2606:4700::0001'] }
    const outside = guardedOutbound({ allow: [], ...own })
    const refusal = {
      code: 'url_refused',
      error: expect.stringMatching(/the machine that this service runs on$/),
    }
    for (const host of ['8.8.4.4', '134743044', '[2606:4700:0::1]']) {
      expect(await outcomeOf(outside.check({ url: `http://${host}:5432/` }))).toEqual(refusal)
      expect(await outcomeOf(outside.request(get(`http://${host}:5432/`)))).toEqual(refusal)
    }
    expect(await outcomeOf(outside.check({ url: 'http://8.8.8.8:5432/' }))).toBe('it went through')
    const named = guardedOutbound({ allow: [network('8.8.4.4')], ...own })
    expect(await outcomeOf(named.check({ url: 'http://8.8.4.4:5432/' }))).toBe('it went through')
  })

  test('an address that the machine receives later is refused too', async () => {
    let addresses: string[] = []
    const outbound = guardedOutbound({ allow: [], ownAddresses: () => addresses })
    expect(await outcomeOf(outbound.check({ url: 'http://8.8.4.4:5432/' }))).toBe('it went through')
    addresses = ['8.8.4.4']
    expect(await outcomeOf(outbound.check({ url: 'http://8.8.4.4:5432/' }))).toMatchObject({
      code: 'url_refused',
    })
  })

  test('an address behind a NAT64 is checked by its embedded IPv4 address', async () => {
    const nat64 = network('2600:64::/96')
    const outbound = guardedOutbound({ allow: [], nat64, ownAddresses: () => ['8.8.4.4'] })
    for (const inside of ['10.0.0.1', '127.0.0.1', '169.254.169.254', '8.8.4.4']) {
      expect(await outcomeOf(outbound.check({ url: `http://[2600:64::${inside}]:8080/` }))).toMatchObject({
        code: 'url_refused',
      })
    }
    expect(await outcomeOf(outbound.check({ url: 'http://[2600:64::8.8.8.8]:8080/' }))).toBe(
      'it went through',
    )
    const unset = guardedOutbound({ allow: [] })
    expect(await outcomeOf(unset.check({ url: 'http://[2600:64::10.0.0.1]:8080/' }))).toBe('it went through')
  })

  test('a DNS lookup without an answer ends by the timeout and by the signal', async () => {
    const mute = guardedOutbound({ allow: [], resolve: () => new Promise(() => {}) })
    expect(await outcomeOf(mute.request(get('https://files.example/', { timeoutMs: 50 })))).toEqual({
      code: 'url_failed',
      error: 'The host files.example was not found within 0.05 seconds',
    })
    const control = new AbortController()
    const left = mute.request(get('https://files.example/', { signal: control.signal, timeoutMs: 1e9 }))
    control.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    const after = mute.request(get('https://files.example/', { signal: control.signal, timeoutMs: 1e9 }))
    await expect(after).rejects.toThrow('enough')
  })

  test('an unknown host throws url_failed', async () => {
    expect(await outcomeOf(closed.check({ url: 'https://nowhere.invalid/' }))).toEqual({
      code: 'url_failed',
      error: 'The host nowhere.invalid was not found',
    })
  })
})

describe('a request', () => {
  const seen: { host: string | null; url: string; headers: Headers }[] = []
  let server: ReturnType<typeof Bun.serve>
  let secure: ReturnType<typeof Bun.serve>
  const hosts: RawHost[] = []
  const open = guardedOutbound({ allow: [LOOPBACK] })
  const at = (path: string) => `http://127.0.0.1:${server.port}${path}`

  beforeAll(async () => {
    const routes = async (request: Request): Promise<Response> => {
      const { pathname } = new URL(request.url)
      seen.push({ host: request.headers.get('host'), url: request.url, headers: request.headers })
      if (pathname === '/echo')
        return new Response(await request.text(), { status: 201, headers: { 'X-Is': 'echoed' } })
      if (pathname === '/none') return new Response(null, { status: 204 })
      if (pathname === '/home') return Response.redirect('/echo')
      if (pathname === '/inside') return Response.redirect('http://10.0.0.1/')
      if (pathname === '/round') return Response.redirect('/round', 307)
      return new Response('no', { status: 404 })
    }
    server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: routes })
    const tls = { key: await pem('key'), cert: await pem('certificate') }
    secure = Bun.serve({ port: 0, hostname: '127.0.0.1', tls, fetch: routes })
  })
  afterAll(async () => {
    await server.stop(true)
    await secure.stop(true)
    for (const host of hosts) host.close()
  })

  async function saying(...says: Parameters<typeof openRawHost>): Promise<string> {
    const host = await openRawHost(...says)
    hosts.push(host)
    return host.url
  }

  test('sends its headers and body and returns the response with any status', async () => {
    const answer = await open.request(
      get(at('/echo'), { method: 'POST', body: 'ping', headers: { 'X-Ask': 'it' } }),
    )
    expect(answer.status).toBe(201)
    expect(answer.headers.get('x-is')).toBe('echoed')
    expect(await answer.text()).toBe('ping')
    expect(seen.at(-1)?.headers.get('x-ask')).toBe('it')
    expect((await open.request(get(at('/none')))).status).toBe(204)
    expect((await open.request(get(at('/gone')))).status).toBe(404)
  })

  test('connects to the checked address with the host’s name', async () => {
    let asked = 0
    const rebinding = guardedOutbound({
      allow: [LOOPBACK],
      // What comes after the first answer would lead elsewhere.
      resolve: async () => [{ address: asked++ === 0 ? '127.0.0.1' : '127.9.9.9', family: 4 }],
    })
    const answer = await rebinding.request(get(`http://files.example:${server.port}/none`))
    expect({ status: answer.status, asked }).toEqual({ status: 204, asked: 1 })
    expect(seen.at(-1)?.host).toBe(`files.example:${server.port}`)
  })

  test('requires a certificate of the host', async () => {
    const trusting = guardedOutbound({
      allow: [LOOPBACK],
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      certificates: await pem('certificate'),
    })
    expect((await trusting.request(get(`https://files.example:${secure.port}/none`))).status).toBe(204)
    const other = await outcomeOf(trusting.request(get(`https://other.example:${secure.port}/none`)))
    expect(other).toEqual({
      code: 'url_failed',
      error: expect.stringMatching(/other\.example failed: /),
    })
    const untrusted = await outcomeOf(open.request(get(`https://127.0.0.1:${secure.port}/none`)))
    expect(untrusted).toMatchObject({ code: 'url_failed' })
  })

  test('returns a redirect unless redirects are followed, and checks each of them', async () => {
    expect((await open.request(get(at('/home')))).status).toBe(302)
    expect((await open.request(get(at('/home'), { redirects: 1 }))).status).toBe(201)
    expect(await outcomeOf(open.request(get(at('/inside'), { redirects: 5 })))).toEqual({
      code: 'url_refused',
      error: 'The host 10.0.0.1 is not on the public internet',
    })
    const before = seen.length
    expect(await outcomeOf(open.request(get(at('/round'), { redirects: 3 })))).toEqual({
      code: 'url_failed',
      error: 'Too many redirects (more than 3)',
    })
    expect(seen.length - before).toBe(4)
  })

  test('throws url_failed if the host does not answer, or not with HTTP', async () => {
    const mute = await saying('', 'waits')
    expect(await outcomeOf(open.request(get(mute, { timeoutMs: 100 })))).toEqual({
      code: 'url_failed',
      error: 'The host 127.0.0.1 did not answer within 0.1 seconds',
    })
    for (const head of ['SSH-2.0-OpenSSH\r\n', 'HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n', '']) {
      expect(await outcomeOf(open.request(get(await saying(head, 'closes'))))).toMatchObject({
        code: 'url_failed',
      })
    }
  })

  test.each([
    ['informational responses', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['early hints', `HTTP/1.1 103 Early Hints\r\nLink: ${'a'.repeat(4000)}\r\n\r\n`],
    ['line ends', '\r\n'.repeat(1000)],
    ['headers', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(1000)}`],
  ])('a host that sends %s without end before its answer is left after a megabyte', async (_, piece) => {
    const host = await openEndlessHost(piece)
    hosts.push(host)
    expect(await outcomeOf(open.request(get(host.url)))).toEqual({
      code: 'url_failed',
      error: expect.stringMatching(/^The request to the host 127\.0\.0\.1 failed: /),
    })
    await host.left
    // Beside what the connection's buffers take in.
    expect(host.sent()).toBeLessThan(16_000_000)
  })

  test('ignores a few informational responses', async () => {
    const informational = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(3)
    const url = await saying(`${informational}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc`, 'closes')
    expect(await (await open.request(get(url))).text()).toBe('abc')
  })

  test.each([
    ['302 Found\r\nLocation: /none', 302],
    ['205 Reset Content', 205],
  ])('what a host sends behind the head of %j is not read to its end', async (head, status) => {
    const host = await openEndlessHost('a'.repeat(10_000), `HTTP/1.1 ${head}\r\n\r\n`)
    hosts.push(host)
    const answer = await open.request(get(host.url))
    expect(answer.status).toBe(status)
    await answer.body?.cancel()
    await host.left
    expect(host.sent()).toBeLessThan(16_000_000)
  })

  test('fails while its body is read if the response is truncated or aborted', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc'
    const cut = await open.request(get(await saying(head, 'closes')))
    await expect(cut.text()).rejects.toThrow()
    const control = new AbortController()
    const waiting = await open.request(get(await saying(head, 'waits'), { signal: control.signal }))
    const text = outcomeOf(waiting.text())
    control.abort(new Error('enough'))
    expect(await text).not.toBe('it went through')
    const ended = open.request(get(await saying('', 'waits'), { signal: control.signal }))
    await expect(ended).rejects.toThrow('enough')
  })

  test('ignores the environment’s proxy', async () => {
    const before = process.env.HTTP_PROXY
    process.env.HTTP_PROXY = await saying('HTTP/1.1 418 proxy\r\n\r\n', 'closes')
    try {
      expect((await open.request(get(at('/none')))).status).toBe(204)
    } finally {
      if (before === undefined) delete process.env.HTTP_PROXY
      else process.env.HTTP_PROXY = before
    }
  })
})
