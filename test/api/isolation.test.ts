import { afterAll, beforeAll, expect, test } from 'bun:test'
import { updateUser } from '../../src/admin/admin.store.ts'
import { insertVoice } from '../../src/transcriptions/speakers/voices.store.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { embeddingOf } from '../support/conversation.ts'
import { embedded } from '../support/databases.ts'
import { claimsOf, forge } from './jwt.ts'

/**
 * Tries every route of the OpenAPI document as every kind of caller. The expected outcome is what the document says
 * (`security`). A route without `security`, or with an id of a resource that is missing in RESOURCES, fails.
 */

type Operation = {
  security?: Record<string, string[]>[]
  parameters?: { name: string }[]
  requestBody?: {
    content: Record<
      string,
      { schema?: { examples?: unknown[]; properties?: Record<string, { format?: string }> } }
    >
  }
}

type Route = { method: string; path: string; operation: Operation }

/** The access that the document states for a route. */
type Access = 'public' | 'any' | 'account' | 'admin'

type Outcome = { status: number; code: string | null; text: string }

/** The owner of the resources of a route, and all other callers. */
type Cast = Awaited<ReturnType<typeof makeCast>>

/** Creates the resources of a path, as their owner. Returns one id for each path parameter. */
const RESOURCES: Record<string, (owner: Client) => Promise<string[]>> = {
  '/api/admin/users/': async (owner) => [textAt((await owner.ask('/api/auth/me')).body, 'id')],
  '/api/admin/transcriptions/': async (owner) => [
    textAt((await owner.upload(fixture('speech.mp3'))).body, 'transcription_id'),
  ],
  '/api/transcriptions/': async (owner) => [
    textAt((await owner.upload(fixture('speech.mp3'))).body, 'transcription_id'),
  ],
  '/assemblyai/v2/transcript/': async (owner) => [
    textAt((await owner.upload(fixture('speech.mp3'))).body, 'transcription_id'),
  ],
  '/api/auth/keys/': async (owner) => [
    textAt((await owner.post('/api/auth/keys', { name: 'mine', scopes: ['read'] })).body, 'id'),
  ],
  '/api/uploads/': async (owner) => {
    const begun = await owner.ask('/api/uploads', { method: 'POST', headers: { 'upload-length': '1000' } })
    return [begun.headers.get('location')?.split('/').at(-1) ?? '']
  },
  '/api/voices/': async (owner) => {
    const userId = textAt((await owner.ask('/api/auth/me')).body, 'id')
    const voice = { userId, name: 'Ada', seconds: 3, embedding: embeddingOf(1) }
    const row = await service.db.transaction((tx) => insertVoice(tx, voice))
    return [row?.id ?? '']
  },
  '/api/webhooks/': async (owner) => {
    const id = textAt((await owner.post('/api/webhooks', { url: 'http://127.0.0.1:1/' })).body, 'id')
    return [id, textAt((await owner.ask(`/api/webhooks/${id}/test`, { method: 'POST' })).body, 'id')]
  },
}

let service: TestService
/** Answers every request with a recording. */
let host: ReturnType<typeof Bun.serve>
let anyone: Client
let routes: Route[]
const table: string[][] = []

beforeAll(async () => {
  service = await startService({ kind: embedded })
  host = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(fixture('speech.mp3')) })
  anyone = clientOf(service.url)
  const document: { paths: Record<string, Record<string, Operation>> } = await (
    await fetch(`${service.url}/swagger/json`)
  ).json()
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      // Models have no owner.
      path: path.replace('{model}', 'whisper-1'),
      operation,
    })),
  )
})

afterAll(async () => {
  await service.close()
  await host.stop(true)
  const file = process.env.ISOLATION_TABLE
  if (file) await Bun.write(file, markdown(table))
})

test('every route admits the callers that the document states and no others', async () => {
  const failures: string[] = []
  for (const route of routes) {
    const name = `${route.method} ${route.path}`
    const cast = await makeCast(route.path)
    const access = accessOf(route.operation)
    const row = [name, access]
    const expected = expectationsOf(access, route)
    for (const [who, { is, holds }] of Object.entries(expected)) {
      const outcomes: Outcome[] = []
      for (const token of cast.tokens[who] ?? []) outcomes.push(await ask(route, { token, cast }))
      if (outcomes.length === 0) failures.push(`${name}: no token for ${who}`)
      for (const outcome of outcomes) {
        if (!holds(outcome))
          failures.push(`${name}, ${who}: expected ${is}, got ${outcome.status} ${outcome.text}`)
        if (!mayDisclose(who, access) && cast.discloses(outcome.text)) {
          failures.push(`${name}, ${who}: discloses data of the owner: ${outcome.text}`)
        }
      }
      row.push([...new Set(outcomes.map(({ status }) => status))].join(', '))
      const isUntouched = await cast.isUntouchedSince()
      if (!isUntouched && !cast.ownsChanges(who)) failures.push(`${name}, ${who}: changed data of the owner`)
    }
    table.push(row)
  }
  expect(failures).toEqual([])
  expect(table.length).toBeGreaterThan(20)
}, 600_000)

test('a signed link admits everybody to its own resource, and nobody to another one', async () => {
  const owner = anyone.as(await anyone.newToken())
  const upload = async () => textAt((await owner.upload(fixture('speech.mp3'))).body, 'transcription_id')
  const [id, otherId] = [await upload(), await upload()]
  const { body: status } = await owner.ask(`/api/transcriptions/${id}`)
  const links = ['audio_file', 'events'].map((name) => new URL(textAt(status, name)))
  const templates = routes.filter(({ path }) => /^\/api\/(admin\/)?transcriptions\/\{/.test(path))
  expect(templates.length).toBeGreaterThan(6)
  const callers = [anyone, anyone.as(await anyone.newToken()), anyone.as('invalid')]
  for (const { pathname, search } of links) {
    for (const caller of callers) {
      expect({ pathname, status: await statusOf(caller, 'GET', pathname + search) }).toEqual({
        pathname,
        status: 200,
      })
    }
    for (const { method, path } of templates) {
      for (const target of [id, otherId].map((to) => path.replace('{id}', to))) {
        if (method === 'GET' && target === pathname) continue
        const answered = await statusOf(anyone, method, target + search)
        expect({ method, target, isRefused: [401, 404].includes(answered) }).toEqual({
          method,
          target,
          isRefused: true,
        })
      }
    }
  }
  await owner.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })
  for (const { pathname, search } of links) {
    expect(await statusOf(anyone, 'GET', pathname + search)).toBe(404)
  }
})

async function statusOf({ headers }: Client, method: string, path: string): Promise<number> {
  // A body is parsed before the caller is known.
  const json = method === 'PATCH' && {
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{}',
  }
  const { status, body } = await fetch(service.url + path, { method, headers, ...json })
  await body?.cancel()
  return status
}

/** Whether a response to this caller may contain data of the owner. */
function mayDisclose(who: string, access: Access): boolean {
  return who === 'owner' || who === 'read-only key' || (who === 'administrator' && access === 'admin')
}

/** Throws if the document states no access that is known here. */
function accessOf({ security }: Operation): Access {
  if (security?.length === 0) return 'public'
  const [token, link] = security ?? []
  // The signature of a link may replace the token; these requests have none.
  const isKnown = security?.length === 1 || (security?.length === 2 && JSON.stringify(link) === '{}')
  const roles = isKnown ? token?.bearer : undefined
  if (roles?.length === 0) return 'any'
  const [role] = roles ?? []
  if (roles?.length === 1 && (role === 'account' || role === 'admin')) return role
  throw new Error(`no rule for security ${JSON.stringify(security)}`)
}

type Expectation = { is: string; holds: (outcome: Outcome) => boolean }

const refusedWith = (status: number, code: string): Expectation => ({
  is: `${status} ${code}`,
  // The response to HEAD has no body, so no code.
  holds: (outcome) => outcome.status === status && (outcome.code === code || outcome.text === ''),
})

const REFUSAL_CODES = ['unauthorized', 'insufficient_scope', 'not_found', 'internal']
const admitted: Expectation = {
  is: 'admitted',
  holds: ({ status, code }) => status < 500 && !(code && REFUSAL_CODES.includes(code)),
}

/** A public route ignores tokens; without the signature of a link it discloses nothing. */
const asAnyone: Expectation = {
  is: 'as without a token',
  holds: ({ status, code }) => status < 500 && code !== 'unauthorized' && code !== 'insufficient_scope',
}

function expectationsOf(access: Access, { method, path }: Route): Record<string, Expectation> {
  const hasId = path.includes('{')
  if (access === 'public') {
    const nothing: Expectation = {
      is: 'refused',
      holds: (outcome) => asAnyone.holds(outcome) && outcome.status >= 400,
    }
    const all = hasId ? nothing : asAnyone
    return Object.fromEntries(EVERYBODY.map((who) => [who, all]))
  }
  const refused = refusedWith(401, 'unauthorized')
  const denied = refusedWith(403, 'insufficient_scope')
  const isRead = method === 'GET' || method === 'HEAD'
  const other = hasId ? refusedWith(404, 'not_found') : admitted
  return {
    'no token': refused,
    expired: refused,
    forged: refused,
    ended: refused,
    'another user': access === 'admin' ? denied : other,
    'read-only key': access === 'any' && isRead ? admitted : denied,
    'write-only key': access === 'any' && !isRead ? other : denied,
    administrator: access === 'admin' ? admitted : other,
    owner: access === 'admin' ? denied : admitted,
  }
}

const EVERYBODY = [
  'no token',
  'expired',
  'forged',
  'ended',
  'another user',
  'read-only key',
  'write-only key',
  'administrator',
  'owner',
]

async function makeCast(path: string) {
  const [before, after] = path.split(/\{\w+\}/)
  const hasId = after !== undefined
  const ownerToken = await anyone.newToken()
  const owner = anyone.as(ownerToken)
  const make = RESOURCES[before ?? '']
  if (hasId && !make) throw new Error(`${path}: RESOURCES cannot create this resource`)
  const ids = make ? await make(owner) : []
  const [id = ''] = ids
  const otherToken = await anyone.newToken()
  const other = anyone.as(otherToken)
  const administrator = await anyone.newToken()
  await updateUser(service.db, { id: claimsOf(administrator).sub, role: 'admin' })
  const ended = await anyone.newSession()
  await anyone.post('/api/auth/logout', { refresh_token: ended.refresh })
  const claims = claimsOf(ownerToken)
  const soon = { ...claims, exp: Math.floor(Date.now() / 1000) + 60 }
  const [head = '', , signature = ''] = ownerToken.split('.')
  const otherBody = otherToken.split('.')[1]
  const tokens: Record<string, (string | undefined)[]> = {
    'no token': [undefined, '', 'null'],
    expired: [forge({ secret: SECRET, claims: { ...claims, exp: claims.iat - 1 } })],
    forged: [
      forge({ secret: `${SECRET}!`, claims: soon }),
      forge({ secret: SECRET, alg: 'none', claims: soon }),
      forge({ secret: SECRET, alg: 'HS512', claims: soon }),
      forge({ secret: SECRET, claims: { ...soon, exp: undefined } }),
      `${head}.${otherBody}.${signature}`,
      `vk_${'A'.repeat(43)}`,
    ],
    ended: [ended.access, ended.refresh, await revokedKey(owner)],
    'another user': [otherToken],
    'read-only key': [await keyOf(owner, 'read')],
    'write-only key': [await keyOf(hasId ? other : owner, 'write')],
    administrator: [administrator],
    owner: [ownerToken],
  }
  const state = async () => JSON.stringify(await stateOf(owner, { path, id }))
  let latest = await state()
  return {
    ids,
    ownsChanges: (who: string) => who === 'owner' || (who === 'write-only key' && !hasId),
    tokens,
    discloses: (text: string) => [claims.sub, ...ids].some((secret) => text.includes(secret)),
    /** Whether the owner's data is the same as at the previous call. */
    async isUntouchedSince() {
      const before = latest
      latest = await state()
      return latest === before
    },
  }
}

/** The owner's data, without the fields that change by themselves. */
async function stateOf(owner: Client, { path, id }: { path: string; id: string }) {
  const { body: me } = await owner.ask('/api/auth/me')
  const { body: keys } = await owner.ask('/api/auth/keys')
  const files = (await service.files()).filter((file) => id !== '' && file.includes(id))
  const isTranscription = /^\/(api\/transcriptions|assemblyai\/v2\/transcript)\//.test(path)
  const status = isTranscription ? (await owner.ask(`/api/transcriptions/${id}`)).body : null
  const { body: webhooks } = await owner.ask('/api/webhooks')
  const { body: voices } = await owner.ask('/api/voices')
  return JSON.parse(JSON.stringify([me, keys, files, status, webhooks, voices]), (name, value) =>
    CHANGING.includes(name) ? null : value,
  )
}

const CHANGING = ['last_used_at', 'audio_file', 'events', 'queue_position', 'estimated_seconds']

async function keyOf(client: Client, scope: 'read' | 'write'): Promise<string> {
  return textAt((await client.post('/api/auth/keys', { name: scope, scopes: [scope] })).body, 'key')
}

async function revokedKey(client: Client): Promise<string> {
  const { body } = await client.post('/api/auth/keys', { name: 'revoked', scopes: ['read', 'write'] })
  await client.ask(`/api/auth/keys/${textAt(body, 'id')}`, { method: 'DELETE' })
  return textAt(body, 'key')
}

/** Sends a request with the document's example as its body. */
async function ask(
  { method, path, operation }: Route,
  { token, cast }: { token: string | undefined; cast: Cast },
): Promise<Outcome> {
  const controller = new AbortController()
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
  const body = bodyOf(path, operation, headers)
  const ids = cast.ids.values()
  const url = path.replace(/\{\w+\}/g, () => ids.next().value ?? '')
  const response = await fetch(service.url + url + queryOf(path, operation), {
    method,
    headers,
    ...(body !== undefined && { body }),
    signal: controller.signal,
  })
  const isOpen = response.headers.get('content-type')?.startsWith('text/event-stream')
  const text = isOpen ? '' : await response.text()
  controller.abort()
  const code = /^\{"(?:error":.*"code|err_code)":"(\w+)"/.exec(text)?.[1] ?? null
  return {
    status: response.status,
    code: code && (CODES[code] ?? code),
    text: text.slice(0, 2000),
  }
}

/** The codes of OpenAI's and Deepgram's routes. */
const CODES: Record<string, string> = {
  invalid_api_key: 'unauthorized',
  INVALID_AUTH: 'unauthorized',
  INSUFFICIENT_PERMISSIONS: 'insufficient_scope',
  NOT_FOUND: 'not_found',
  INTERNAL: 'internal',
}

/**
 * Routes that respond with the transcript would wait, because this service has no worker: an unknown model is
 * refused.
 */
const isWaiting = (path: string) => /^\/(v1|deepgram)\//.test(path)

const queryOf = (path: string, { parameters = [] }: Operation) =>
  isWaiting(path) && parameters.some(({ name }) => name === 'model') ? '?model=none' : ''

function bodyOf(path: string, { requestBody }: Operation, headers: Headers): BodyInit | undefined {
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? []
  if (type === undefined) return undefined
  if (type === 'multipart/form-data') {
    const fields = Object.entries(content?.schema?.properties ?? {})
    const [name = ''] = fields.find(([, { format }]) => format === 'binary') ?? []
    const form = new FormData()
    form.set(name, fixture('speech.mp3'), 'speech.mp3')
    if (isWaiting(path) && fields.some(([field]) => field === 'model')) form.set('model', 'none')
    return form
  }
  if (type === 'application/json') {
    headers.set('content-type', type)
    const example = JSON.stringify(content?.schema?.examples?.[0] ?? {})
    // The service resolves the host of a webhook and downloads audio, and a test must not use the network.
    return example.replaceAll('https://example.com', `http://127.0.0.1:${host.port}`)
  }
  headers.set('content-type', 'audio/mpeg')
  return fixture('speech.mp3')
}

function markdown(rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const head = ['route', 'access', ...EVERYBODY]
  return `${[head, head.map(() => '---'), ...rows].map(line).join('\n')}\n`
}
