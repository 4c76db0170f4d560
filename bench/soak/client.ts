import type { Host } from './host.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Recording } from './recordings.ts'
import type { Tally } from './tally.ts'

const UUID = /[0-9a-f]{8}-[0-9a-f-]{27}/g
const ANSWER_MS = 120_000
/** An access token is good for 15 minutes. */
const TOKEN_MS = 8 * 60_000

/** An answer that was not to come, or none: it is in the tally already. */
export class Unexpected extends Error {
  override name = 'Unexpected'
}

export type Account = { email: string; password: string; token: string; refresh: string; since: number }

/** What all clients of a deployment share. */
export type World = {
  url: string
  tally: Tally
  ledger: Ledger
  host: Host
  clips: Recording[]
  longs: Recording[]
  bad: Recording[]
  /** How each recording ends undisturbed, by its name. */
  outcomes: Map<string, string>
  /** One at a time is under way. */
  long: { isUnderWay: boolean }
  /** Fires when no client is to begin anything any more. */
  ending: AbortSignal
}

export type Client = World & {
  random: () => number
  account: Account
  webhook: { id: string; uploadsUrl: string }
  /** Finished, and not deleted yet. */
  kept: Entry[]
}

type Call = {
  method?: string
  path: string
  /** Statuses that are well. */
  expect: number[]
  headers?: Record<string, string>
  body?: RequestInit['body']
  json?: unknown
  /** In place of the account's access token; null: none. */
  token?: string | null
  signal?: AbortSignal
  timeoutMs?: number
}

/** Asks the service, and throws `Unexpected` where it is not answered with one of the expected statuses. */
export async function call(client: World & { account: Account }, asked: Call): Promise<Response> {
  const { method = 'GET', path, expect, json, token = client.account.token, signal } = asked
  const left = AbortSignal.timeout(asked.timeoutMs ?? ANSWER_MS)
  const url = new URL(path, client.url)
  const route = routeOf(asked)
  const answer = await fetch(url, {
    method,
    headers: {
      ...(token !== null && { Authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'Content-Type': 'application/json' }),
      ...asked.headers,
    },
    ...(json !== undefined
      ? { body: JSON.stringify(json) }
      : asked.body !== undefined && { body: asked.body }),
    signal: signal ? AbortSignal.any([signal, left]) : left,
  }).catch((error) => {
    if (signal?.aborted) throw error
    client.tally.fault('no answer', `${route}: ${error}`)
    throw new Unexpected(route)
  })
  client.tally.answered(`${route} ${answer.status}`)
  if (expect.includes(answer.status)) return answer
  const body = await answer.text().catch(String)
  client.tally.fault('unexpected answer', `${new Date().toISOString()} ${route}: ${answer.status} ${body}`)
  throw new Unexpected(route)
}

/** What is asked for, without ids and queries. */
export function routeOf({ method = 'GET', path }: Pick<Call, 'method' | 'path'>): string {
  return `${method} ${new URL(path, 'http://localhost').pathname.replaceAll(UUID, '{id}')}`
}

/** Reads the answer's body as JSON. */
export async function read<T>(client: World & { account: Account }, asked: Call): Promise<T> {
  return (await call(client, asked)).json()
}

type Session = { access_token: string; refresh_token: string }

const sessionOf = ({ access_token: token, refresh_token: refresh }: Session) => {
  return { token, refresh, since: Date.now() }
}

const NOBODY: Account = { email: '', password: '', token: '', refresh: '', since: 0 }

export async function register(world: World): Promise<Account> {
  const credentials = { email: `${crypto.randomUUID()}@example.com`, password: 'correct horse battery' }
  const asked = { method: 'POST', path: '/api/auth/register', expect: [201], json: credentials, token: null }
  return { ...credentials, ...sessionOf(await read<Session>({ ...world, account: NOBODY }, asked)) }
}

export async function logIn(client: Client): Promise<void> {
  const { email, password } = client.account
  const asked = {
    method: 'POST',
    path: '/api/auth/login',
    expect: [200],
    json: { email, password },
    token: null,
  }
  Object.assign(client.account, sessionOf(await read<Session>(client, asked)))
}

export async function refresh(client: Client): Promise<void> {
  const json = { refresh_token: client.account.refresh }
  const asked = { method: 'POST', path: '/api/auth/refresh', expect: [200], json, token: null }
  Object.assign(client.account, sessionOf(await read<Session>(client, asked)))
}

/** A user with a webhook of their own, and a place for messages of single uploads. */
export async function openClient(world: World, random: () => number): Promise<Client> {
  const account = await register(world)
  const [general, uploads] = [world.host.hook(), world.host.hook()]
  const holder = { ...world, account }
  const json = { url: general.url }
  const made = await read<{ id: string; secret: string }>(holder, {
    ...{ method: 'POST', path: '/api/webhooks', expect: [201], json },
  })
  general.sign(made.secret)
  const signing = await read<{ secret: string }>(holder, {
    ...{ method: 'POST', path: '/api/webhooks/uploads/secret', expect: [200] },
  })
  uploads.sign(signing.secret)
  return { ...holder, random, webhook: { id: made.id, uploadsUrl: uploads.url }, kept: [] }
}

export async function keepLoggedIn(client: Client): Promise<void> {
  if (Date.now() - client.account.since > TOKEN_MS) await refresh(client)
}

export function oneOf<T>(client: { random: () => number }, values: readonly T[]): T {
  const found = values[Math.floor(client.random() * values.length)]
  if (found === undefined) throw new Error('there is none to choose')
  return found
}
