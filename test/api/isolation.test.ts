import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { updateUser } from '../../src/admin/admin.store.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'
import { claimsOf, forge } from './jwt.ts'

/**
 * Every route of the document, tried by everybody. Who is let in is what the document says (`security`): a route that says
 * nothing, or takes an id of something that is unknown here, fails.
 */
setDefaultTimeout(60_000)

type Operation = {
  security?: Record<string, string[]>[]
  requestBody?: {
    content: Record<
      string,
      { schema?: { examples?: unknown[]; properties?: Record<string, { format?: string }> } }
    >
  }
}

type Route = { method: string; path: string; operation: Operation }

/** What the document says that a route takes. */
type Access = 'public' | 'any' | 'account' | 'admin'

type Outcome = { status: number; code: string | null; text: string }

/** Whose the things are that a route is asked for, and everybody else. */
type Cast = Awaited<ReturnType<typeof makeCast>>

/** How the owner comes by what a path names, by what is before its parameter; and by what its next ones do. */
const THINGS: Record<string, (owner: Client) => Promise<string[]>> = {
  '/api/admin/users/': async (owner) => [textAt((await owner.ask('/api/auth/me')).body, 'id')],
  '/api/admin/transcriptions/': async (owner) => [
    textAt((await owner.upload(fixture('speech.mp3'))).body, 'transcription_id'),
  ],
  '/api/transcriptions/': async (owner) => [
    textAt((await owner.upload(fixture('speech.mp3'))).body, 'transcription_id'),
  ],
  '/api/auth/keys/': async (owner) => [
    textAt((await owner.post('/api/auth/keys', { name: 'mine', scopes: ['read'] })).body, 'id'),
  ],
  '/api/uploads/': async (owner) => {
    const begun = await owner.ask('/api/uploads', { method: 'POST', headers: { 'upload-length': '1000' } })
    return [begun.headers.get('location')?.split('/').at(-1) ?? '']
  },
  '/api/webhooks/': async (owner) => {
    const id = textAt((await owner.post('/api/webhooks', { url: 'http://127.0.0.1:1/' })).body, 'id')
    return [id, textAt((await owner.ask(`/api/webhooks/${id}/test`, { method: 'POST' })).body, 'id')]
  },
}

let service: TestService
let anyone: Client
let routes: Route[]
const table: string[][] = []

beforeAll(async () => {
  service = await startService({ kind: embedded })
  anyone = clientOf(service.url)
  const document: { paths: Record<string, Record<string, Operation>> } = await (
    await fetch(`${service.url}/swagger/json`)
  ).json()
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      // A model is nobody's own.
      path: path.replace('{model}', 'whisper-1'),
      operation,
    })),
  )
})

afterAll(async () => {
  await service.close()
  const file = process.env.ISOLATION_TABLE
  if (file) await Bun.write(file, markdown(table))
})

test('every route lets in whom the document says, and nobody else', async () => {
  const wrong: string[] = []
  for (const route of routes) {
    const name = `${route.method} ${route.path}`
    const cast = await makeCast(route.path)
    const access = accessOf(route.operation)
    const row = [name, access]
    const expected = expectationsOf(access, route)
    for (const [who, { is, holds }] of Object.entries(expected)) {
      const outcomes: Outcome[] = []
      for (const token of cast.tokens[who] ?? []) outcomes.push(await ask(route, { token, cast }))
      if (outcomes.length === 0) wrong.push(`${name}: nobody is ${who}`)
      for (const outcome of outcomes) {
        if (!holds(outcome))
          wrong.push(`${name}, ${who}: ${is}, but it was ${outcome.status} ${outcome.text}`)
        if (!mayTell(who, access) && cast.tells(outcome.text)) {
          wrong.push(`${name}, ${who}: tells of what is the owner's: ${outcome.text}`)
        }
      }
      row.push([...new Set(outcomes.map(({ status }) => status))].join(', '))
      const isUntouched = await cast.isUntouchedSince()
      if (!isUntouched && !cast.areTheOwners(who)) wrong.push(`${name}, ${who}: changed what is the owner's`)
    }
    table.push(row)
  }
  expect(wrong).toEqual([])
  expect(table.length).toBeGreaterThan(20)
}, 600_000)

/** Whom an answer may tell of what is the owner's. */
function mayTell(who: string, access: Access): boolean {
  return who === 'owner' || who === 'read-only key' || (who === 'administrator' && access === 'admin')
}

/** Throws where the document does not say it. */
function accessOf({ security }: Operation): Access {
  if (security?.length === 0) return 'public'
  const roles = security?.length === 1 ? security[0]?.bearer : undefined
  if (roles?.length === 0) return 'any'
  const [role] = roles ?? []
  if (roles?.length === 1 && (role === 'account' || role === 'admin')) return role
  throw new Error(`no rule for security ${JSON.stringify(security)}`)
}

type Expectation = { is: string; holds: (outcome: Outcome) => boolean }

const answered = (status: number, code: string): Expectation => ({
  is: `${status} ${code}`,
  // A HEAD is answered without the code.
  holds: (outcome) => outcome.status === status && (outcome.code === code || outcome.text === ''),
})

const GATE_CODES = ['unauthorized', 'insufficient_scope', 'not_found', 'internal']
const letIn: Expectation = {
  is: 'let in',
  holds: ({ status, code }) => status < 500 && !(code && GATE_CODES.includes(code)),
}

/** A route that takes no token has nothing to refuse it for; without the signature of a link it gives nothing away either. */
const asAnyone: Expectation = {
  is: 'as without a token',
  holds: ({ status, code }) => status < 500 && code !== 'unauthorized' && code !== 'insufficient_scope',
}

function expectationsOf(access: Access, { method, path }: Route): Record<string, Expectation> {
  const isOfOne = path.includes('{')
  if (access === 'public') {
    const nothing: Expectation = { is: 'nothing', holds: (one) => asAnyone.holds(one) && one.status >= 400 }
    const all = isOfOne ? nothing : asAnyone
    return Object.fromEntries(EVERYBODY.map((who) => [who, all]))
  }
  const refused = answered(401, 'unauthorized')
  const denied = answered(403, 'insufficient_scope')
  const isRead = method === 'GET' || method === 'HEAD'
  const other = isOfOne ? answered(404, 'not_found') : letIn
  return {
    'no token': refused,
    expired: refused,
    forged: refused,
    ended: refused,
    'another user': access === 'admin' ? denied : other,
    'read-only key': access === 'any' && isRead ? letIn : denied,
    'write-only key': access === 'any' && !isRead ? other : denied,
    administrator: access === 'admin' ? letIn : other,
    owner: access === 'admin' ? denied : letIn,
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
  const isOfOne = after !== undefined
  const ownerToken = await anyone.newToken()
  const owner = anyone.as(ownerToken)
  const make = THINGS[before ?? '']
  if (isOfOne && !make) throw new Error(`${path}: THINGS does not say how the owner comes by one`)
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
    'write-only key': [await keyOf(isOfOne ? other : owner, 'write')],
    administrator: [administrator],
    owner: [ownerToken],
  }
  const state = async () => JSON.stringify(await stateOf(owner, { path, id }))
  let then = await state()
  return {
    ids,
    areTheOwners: (who: string) => who === 'owner' || (who === 'write-only key' && !isOfOne),
    tokens,
    tells: (text: string) => [claims.sub, ...ids].some((secret) => text.includes(secret)),
    /** Whether all is as it was when this was last asked. */
    async isUntouchedSince() {
      const before = then
      then = await state()
      return then === before
    },
  }
}

/** Of what is the owner's, all that does not change by itself. */
async function stateOf(owner: Client, { path, id }: { path: string; id: string }) {
  const { body: me } = await owner.ask('/api/auth/me')
  const { body: keys } = await owner.ask('/api/auth/keys')
  const files = (await service.files()).filter((file) => id !== '' && file.includes(id))
  const isTranscription = path.startsWith('/api/transcriptions/')
  const status = isTranscription ? (await owner.ask(`/api/transcriptions/${id}`)).body : null
  const { body: webhooks } = await owner.ask('/api/webhooks')
  return JSON.parse(JSON.stringify([me, keys, files, status, webhooks]), (name, value) =>
    CHANGING.includes(name) ? null : value,
  )
}

const CHANGING = ['last_used_at', 'audio_file', 'queue_position', 'estimated_seconds']

async function keyOf(client: Client, scope: 'read' | 'write'): Promise<string> {
  return textAt((await client.post('/api/auth/keys', { name: scope, scopes: [scope] })).body, 'key')
}

async function revokedKey(client: Client): Promise<string> {
  const { body } = await client.post('/api/auth/keys', { name: 'revoked', scopes: ['read', 'write'] })
  await client.ask(`/api/auth/keys/${textAt(body, 'id')}`, { method: 'DELETE' })
  return textAt(body, 'key')
}

/** A request that the document's own example makes good. */
async function ask(
  { method, path, operation }: Route,
  { token, cast }: { token: string | undefined; cast: Cast },
): Promise<Outcome> {
  const left = new AbortController()
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
  const body = bodyOf(operation, headers)
  const ids = cast.ids.values()
  const named = path.replace(/\{\w+\}/g, () => ids.next().value ?? '')
  const response = await fetch(service.url + named, {
    method,
    headers,
    ...(body !== undefined && { body }),
    signal: left.signal,
  })
  const isOpen = response.headers.get('content-type')?.startsWith('text/event-stream')
  const text = isOpen ? '' : await response.text()
  left.abort()
  const code = /^\{"error":.*"code":"(\w+)"/.exec(text)?.[1] ?? null
  return {
    status: response.status,
    // OpenAI's word for it.
    code: code === 'invalid_api_key' ? 'unauthorized' : code,
    text: text.slice(0, 2000),
  }
}

function bodyOf({ requestBody }: Operation, headers: Headers): BodyInit | undefined {
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? []
  if (type === undefined) return undefined
  if (type === 'multipart/form-data') {
    const fields = Object.entries(content?.schema?.properties ?? {})
    const [name = ''] = fields.find(([, { format }]) => format === 'binary') ?? []
    const form = new FormData()
    form.set(name, fixture('speech.mp3'), 'speech.mp3')
    // Or else OpenAI's routes would wait for a transcription that nobody makes here.
    if (fields.some(([field]) => field === 'model')) form.set('model', 'none')
    return form
  }
  if (type === 'application/json') {
    headers.set('content-type', type)
    const example = JSON.stringify(content?.schema?.examples?.[0] ?? {})
    // A webhook’s host is looked up, and a test asks no other machine.
    return example.replaceAll('https://example.com', 'http://127.0.0.1:1')
  }
  headers.set('content-type', 'audio/mpeg')
  return fixture('speech.mp3')
}

function markdown(rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const head = ['route', 'takes', ...EVERYBODY]
  return `${[head, head.map(() => '---'), ...rows].map(line).join('\n')}\n`
}
