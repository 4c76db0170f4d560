import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { clientOf } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'
/** The budget of the first view. */
const MAX_SCRIPT_BYTES = 60_000

let service: TestService

beforeAll(async () => {
  service = await startService({ kind: embedded })
})
afterAll(() => service.close())

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(service.url + path, { headers: { 'accept-encoding': 'gzip', ...headers } })

/** The compressed bytes, which `fetch` of Bun would decompress. */
const compressed = async (path: string) =>
  (
    await fetch(service.url + path, { headers: { 'accept-encoding': 'gzip' }, decompress: false })
  ).arrayBuffer()

describe('the page', () => {
  test.each(['/', '/t/7a720979-a02e-4206-919b-21f4f359f36b', '/settings', '/settings/', '/login', '/signup'])(
    '%s is the document for a browser, and a JSON error for a program',
    async (path) => {
      const html = await get(path, { accept: BROWSER })
      expect(html.status).toBe(200)
      expect(html.headers.get('content-type')).toStartWith('text/html')
      expect(html.headers.get('vary')).toContain('Accept')
      for (const accept of ['application/json', '*/*']) {
        const answer = await get(path, { accept })
        expect(answer.status).toBe(404)
        expect(await answer.json()).toMatchObject({ code: 'not_found' })
      }
    },
  )

  test('runs only scripts of its own host, and none that are inline', async () => {
    const response = await get('/', { accept: BROWSER })
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toContain('unsafe')
    const html = await response.text()
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|https?:/)
  })

  test('loads files that exist, and whose names change with their content', async () => {
    const html = await (await get('/', { accept: BROWSER })).text()
    const paths = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path = '']) => path)
    expect(paths).toHaveLength(5)
    for (const path of paths) {
      const { status, headers } = await get(path)
      expect({ path, status }).toEqual({ path, status: 200 })
      const isHashed = path.startsWith('/assets/')
      expect(headers.get('cache-control')).toBe(isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    }
    expect((await get('/assets/main-00000000.js')).status).toBe(404)
    expect((await get('/sw.js')).headers.get('content-type')).toStartWith('text/javascript')
  })

  test('is sent once: its ETag is answered with 304', async () => {
    const first = await get('/', { accept: BROWSER })
    const etag = first.headers.get('etag') ?? ''
    const again = await get('/', { accept: BROWSER, 'if-none-match': etag })
    expect({ status: again.status, body: await again.text() }).toEqual({ status: 304, body: '' })
  })

  test('is sent plain to a client without gzip', async () => {
    const plain = await get('/', { accept: BROWSER, 'accept-encoding': 'identity' })
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(await plain.text()).toBe(await (await get('/', { accept: BROWSER })).text())
  })

  test('loads less JavaScript for its first view than its budget', async () => {
    const html = await (await get('/', { accept: BROWSER })).text()
    const [, script = ''] = /src="([^"]+\.js)"/.exec(html) ?? []
    const entry = await compressed(script)
    const source = await (await get(script)).text()
    // What the entry imports at once is part of the first view.
    const imports = [...source.matchAll(/from"(\/assets\/[^"]+\.js)"|import"(\/assets\/[^"]+\.js)"/g)]
    const others = await Promise.all(imports.map(([, a, b]) => compressed(a ?? b ?? '')))
    const bytes = [entry, ...others].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(bytes).toBeLessThan(MAX_SCRIPT_BYTES)
  })
})

describe('/api/info', () => {
  test('returns what the server offers, without a token', async () => {
    expect(await clientOf(service.url).ask('/api/info')).toMatchObject({
      status: 200,
      body: {
        registration: true,
        identity_provider: null,
        engines: ['sidecar'],
        default_quality: 'balanced',
        max_upload_bytes: 1_000_000,
        retention_days: null,
      },
    })
  })

  test.each([
    ['closed', false, false],
    ['first', true, false],
  ] as const)('with REGISTRATION=%s, registration is %p, and %p after the first account', async (...row) => {
    const [registration, before, after] = row
    const other = await startService({ kind: embedded, registration })
    const anyone = clientOf(other.url)
    expect((await anyone.ask('/api/info')).body).toMatchObject({ registration: before })
    await anyone.post('/api/auth/register', { email: 'ada@example.com', password: 'correct horse battery' })
    expect((await anyone.ask('/api/info')).body).toMatchObject({ registration: after })
    await other.close()
  })
})
