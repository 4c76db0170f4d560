import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { MAX_UPLOAD_BYTES, startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'

const ORIGIN = 'https://app.example.com'

/** What the clients of browsers ask for. */
const REQUEST_HEADERS =
  'authorization,content-type,idempotency-key,last-event-id,prefer,range,traceparent,tus-resumable,upload-length,upload-offset,x-stainless-lang'

const corsHeadersOf = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')))

const varies = (headers: Headers) => headers.get('vary')?.split(', ') ?? []

/** The OPTIONS request that a browser sends before a request of another origin. */
const preflight = (client: Client, path: string, method: string, origin = ORIGIN) =>
  client.ask(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': REQUEST_HEADERS,
    },
  })

type Response = [name: string, headers: Headers]

/** Responses of every kind. */
async function responsesOf(service: TestService, headers: Record<string, string>): Promise<Response[]> {
  const anyone = clientOf(service.url)
  const ada = anyone.as(await anyone.newToken())
  const responses: Response[] = []
  const ask = async (name: string, client: Client, path: string, init: RequestInit = {}) => {
    const answer = await client.ask(path, { ...init, headers: { ...headers, ...init.headers } })
    responses.push([`${answer.status} ${name}`, answer.headers])
    return answer
  }
  const put = (body: BodyInit) => ({ method: 'PUT', body })
  const uploaded = await ask('an upload', ada, '/api/transcribe', put(fixture('speech.mp3')))
  const path = `/api/transcriptions/${textAt(uploaded.body, 'transcription_id')}`
  const status = await ask('a status', ada, path, { headers: { prefer: 'wait=0' } })
  const audio = textAt(status.body, 'audio_file').slice(service.url.length)
  const whole = await ask('audio', anyone, audio)
  await ask('a range', anyone, audio, { headers: { range: 'bytes=0-9' } })
  await ask('no such range', anyone, audio, { headers: { range: 'bytes=9999999-' } })
  await ask('unchanged audio', anyone, audio, {
    headers: { 'if-none-match': whole.headers.get('etag') ?? '' },
  })
  const events = await fetch(textAt(status.body, 'events'), { headers })
  responses.push([`${events.status} events`, events.headers])
  await events.body?.cancel()
  const tus = { 'upload-length': '9', 'upload-metadata': 'filename YQ==' }
  const created = await ask('a new upload', ada, '/api/uploads', { method: 'POST', headers: tus })
  const upload = created.headers.get('location') ?? ''
  await ask('an offset', ada, upload, { method: 'HEAD' })
  await ask('tus discovery', anyone, '/api/uploads', { method: 'OPTIONS' })
  await ask('the end of an upload', ada, upload, { method: 'DELETE' })
  await ask('not ready', ada, `${path}/transcript`)
  await ask('no token', anyone, '/api/auth/me')
  await ask('no token for OpenAI’s routes', anyone, '/v1/models')
  await ask('no route', anyone, '/nowhere')
  await ask('no such method', anyone, '/api/auth/login')
  await ask('invalid fields', anyone, '/api/auth/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  await ask('too large', ada, '/api/transcribe', put(new Uint8Array(MAX_UPLOAD_BYTES + 1)))
  service.health.databaseAnswers = false
  await ask('not ready', anyone, '/health/ready')
  service.health.databaseAnswers = true
  await service.db.transaction((tx) => tx.execute(sql`ALTER TABLE webhooks RENAME TO hidden`))
  await ask('a defect', ada, '/api/webhooks')
  await service.db.transaction((tx) => tx.execute(sql`ALTER TABLE hidden RENAME TO webhooks`))
  await ask('deleted', ada, path, { method: 'DELETE' })
  const busy = anyone.as(await anyone.newToken())
  while (!responses.some(([name]) => name.startsWith('429'))) await ask('a limit', busy, '/api/auth/me')
  return responses
}

const KINDS = [200, 201, 202, 204, 206, 304, 400, 401, 404, 405, 409, 413, 416, 429, 500, 503]

describe('with CORS_ORIGINS', () => {
  let service: TestService
  let anyone: Client
  beforeAll(async () => {
    service = await startService({
      kind: embedded,
      corsOrigins: [ORIGIN, 'http://localhost:5173'],
      limits: { requestsPerMinute: 30 },
    })
    anyone = clientOf(service.url)
  })
  afterAll(() => service.close())

  test('every kind of response can be read by a page of the origin, without credentials', async () => {
    const responses = await responsesOf(service, { origin: ORIGIN })
    expect([...new Set(responses.map(([name]) => Number.parseInt(name, 10)))].toSorted()).toEqual(KINDS)
    for (const [name, headers] of responses) {
      expect<unknown>({ name, ...corsHeadersOf(headers) }).toEqual({
        name,
        'access-control-allow-origin': ORIGIN,
        'access-control-expose-headers': expect.any(String),
      })
      expect({ name, vary: varies(headers) }).toEqual({ name, vary: expect.arrayContaining(['Origin']) })
    }
  })

  test('every header that a client may need is exposed', async () => {
    const sent = new Set<string>()
    const exposed = new Set<string>()
    for (const [, headers] of await responsesOf(service, { origin: ORIGIN })) {
      for (const [name] of headers) sent.add(name)
      const list = headers.get('access-control-expose-headers')?.toLowerCase().split(', ') ?? []
      for (const name of list) exposed.add(name)
    }
    const safelisted = ['cache-control', 'content-length', 'content-type']
    const forBrowsers =
      /^(access-control-|content-security-policy|x-frame-options|x-content-type-options|referrer-policy|vary|date|connection|transfer-encoding|x-accel-buffering)/
    const needed = [...sent].filter((name) => !safelisted.includes(name) && !forBrowsers.test(name))
    expect(needed).toContain('retry-after')
    expect(needed.filter((name) => !exposed.has(name))).toEqual([])
  })

  test('a preflight is accepted on every route, also on one that does not exist', async () => {
    const document: { paths: Record<string, Record<string, unknown>> } = await (
      await fetch(`${service.url}/swagger/json`)
    ).json()
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x')] as const),
    )
    expect(routes.length).toBeGreaterThan(30)
    for (const [method, path] of [...routes, ['GET', '/nowhere'], ['POST', '/api/transcribe/']] as const) {
      const { status, headers } = await preflight(anyone, path, method)
      expect<unknown>({ method, path, status, ...corsHeadersOf(headers) }).toEqual({
        method,
        path,
        status: 204,
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': expect.stringContaining(method),
        'access-control-allow-headers': REQUEST_HEADERS,
        'access-control-max-age': '7200',
      })
    }
  })

  test.each([
    'https://app.example.com.evil.example',
    'https://evil.example',
    'https://sub.app.example.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'null',
  ])('a page of %s can read nothing', async (origin) => {
    const asked = await anyone.ask('/health/live', { headers: { origin } })
    expect({ status: asked.status, cors: corsHeadersOf(asked.headers), vary: varies(asked.headers) }).toEqual(
      { status: 200, cors: {}, vary: ['Origin'] },
    )
    const refused = await preflight(anyone, '/api/auth/login', 'POST', origin)
    expect({ status: refused.status, cors: corsHeadersOf(refused.headers) }).toEqual({
      status: 405,
      cors: {},
    })
  })

  test('each origin of the list is allowed', async () => {
    const origin = 'http://localhost:5173'
    const { headers } = await anyone.ask('/health/live', { headers: { origin } })
    expect(headers.get('access-control-allow-origin')).toBe(origin)
  })

  test('OPTIONS of tus still lists its extensions', async () => {
    const { status, headers } = await anyone.ask('/api/uploads', {
      method: 'OPTIONS',
      headers: { origin: ORIGIN },
    })
    expect({ status, version: headers.get('tus-version') }).toEqual({ status: 204, version: '1.0.0' })
    expect((await preflight(anyone, '/api/uploads', 'POST')).headers.get('tus-version')).toBe('1.0.0')
  })

  test('OPTIONS that is no preflight is answered as without CORS_ORIGINS', async () => {
    const options = { method: 'OPTIONS', headers: { origin: ORIGIN } }
    expect((await anyone.ask('/nowhere', options)).status).toBe(404)
    const { status, headers } = await anyone.ask('/api/auth/login', options)
    expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow: 'POST' })
  })
})

describe('with CORS_ORIGINS=*', () => {
  let service: TestService
  beforeAll(async () => {
    service = await startService({ kind: embedded, corsOrigins: '*' })
  })
  afterAll(() => service.close())

  test.each([ORIGIN, 'null'])('a page of %s may call the API, without credentials', async (origin) => {
    const anyone = clientOf(service.url)
    const { headers } = await anyone.ask('/api/auth/me', { headers: { origin } })
    expect<unknown>({ ...corsHeadersOf(headers), vary: varies(headers) }).toEqual({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': expect.any(String),
      vary: [],
    })
    const asked = await preflight(anyone, '/api/auth/me', 'GET', origin)
    expect({ status: asked.status, ...corsHeadersOf(asked.headers) }).toMatchObject({
      status: 204,
      'access-control-allow-origin': '*',
      'access-control-allow-headers': REQUEST_HEADERS,
    })
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull()
  })
})

describe('without CORS_ORIGINS', () => {
  let service: TestService
  beforeAll(async () => {
    service = await startService({ kind: embedded })
  })
  afterAll(() => service.close())

  test('no response has CORS headers, and a preflight is refused', async () => {
    const anyone = clientOf(service.url)
    const { headers } = await anyone.ask('/health/live', { headers: { origin: ORIGIN } })
    expect({ cors: corsHeadersOf(headers), vary: headers.get('vary') }).toEqual({ cors: {}, vary: null })
    const refused = await preflight(anyone, '/api/auth/login', 'POST')
    expect({ status: refused.status, cors: corsHeadersOf(refused.headers) }).toEqual({
      status: 405,
      cors: {},
    })
  })
})
