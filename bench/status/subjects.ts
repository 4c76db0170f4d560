import { join } from 'node:path'
import type { Sql } from 'postgres'
import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { type RunningService, startService } from '../../test/e2e/service.ts'
import { COMMON_WORD, rareWord } from './seed.ts'

export type Server = { origin: string; pid: number; kill(): Promise<unknown> }

/** A user of the service; a token is good for a quarter of an hour. */
export type User = { id: string; email: string; key: string }

const SECRET = 'status-bench-status-bench-status-bench'
const PASSWORD = 'correct horse battery'
const MOST_A_MINUTE = '1000000'

/** The API alone, in a process of its own. `limited`: a user's requests are counted, against a limit that none comes to. */
export function startApi(place: { url: string; folder: string; limited?: boolean }): Promise<RunningService> {
  return startService({
    ...{
      MODE: 'api',
      DATABASE_URL: place.url,
      DATA_DIR: place.folder,
      JWT_SECRET: SECRET,
      HOST: '127.0.0.1',
    },
    ...{ STORAGE_URL: '', PUBLIC_URL: '', NODE_ENV: '', REGISTRATION: 'open', LOG: '', INFERENCE: 'sidecar' },
    ...{ SIDECAR_URL: 'http://127.0.0.1:9', LOGINS_PER_MINUTE: MOST_A_MINUTE },
    REQUESTS_PER_MINUTE: place.limited ? MOST_A_MINUTE : '',
  })
}

/** `bare.ts`: what can be had at most. */
export async function startBare({ url, jose }: { url: string; jose: boolean }): Promise<Server> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'bare.ts'), ...(jose ? ['jose'] : [])], {
    env: { ...process.env, DATABASE_URL: url, JWT_SECRET: SECRET },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const { value: origin } = await linesOf(child.stdout).next()
  if (typeof origin !== 'string') throw new Error('the bare server did not start')
  return {
    origin,
    pid: child.pid,
    kill() {
      child.kill('SIGKILL')
      return child.exited
    },
  }
}

/** Users that did not exist before, each with an API key. */
export async function register(api: string, count: number): Promise<User[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const email = `${crypto.randomUUID()}@example.com`
      const { access_token: token } = await post(`${api}/api/auth/register`, { email, password: PASSWORD })
      const asked = { name: 'status', scopes: ['read'] }
      const { key = '' } = await post(`${api}/api/auth/keys`, asked, token)
      const me = await fetch(`${api}/api/auth/me`, { headers: { authorization: `Bearer ${token}` } })
      const { id }: { id: string } = await me.json()
      return { id, email, key }
    }),
  )
}

export async function logIn(api: string, users: User[]): Promise<string[]> {
  return Promise.all(
    users.map(async ({ email }) => {
      const { access_token: token } = await post(`${api}/api/auth/login`, { email, password: PASSWORD })
      if (!token) throw new Error('a user could not log in')
      return token
    }),
  )
}

async function post(url: string, body: object, token?: string): Promise<Record<string, string | undefined>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`)
  return response.json()
}

/** What is asked for: a path, and whose it is, by its place among the users. */
export type Target = { path: string; user: number }

const MOST_TARGETS = 50_000

/** Statuses of transcriptions by chance, of those that are over or of those that are not. */
export async function statusTargets({
  client,
  users,
  open = false,
}: {
  client: Sql
  users: User[]
  open?: boolean
}): Promise<(Target & { id: string; userId: string })[]> {
  const rows: { id: string; userId: string }[] = await client`
    select id, user_id as "userId" from transcriptions
    where (status = 'queued') = ${open} order by random() limit ${MOST_TARGETS}`
  const places = new Map(users.map(({ id }, place) => [id, place]))
  return rows.map((row) => ({
    ...row,
    path: `/api/transcriptions/${row.id}`,
    user: places.get(row.userId) ?? 0,
  }))
}

const RARE_WORDS = 1000

/** First pages of each user: of all there is, of what has a word that many have, and of what has one that few have. */
export function listTargets({ users, rows }: { users: User[]; rows: number }) {
  const all = users.map((_, user) => ({ path: '/api/transcriptions', user }))
  const searching = (word: string) => `/api/transcriptions?q=${word}`
  return {
    all,
    common: all.map(({ user }) => ({ path: searching(COMMON_WORD), user })),
    rare: Array.from({ length: RARE_WORDS }, () => Math.floor(Math.random() * rows)).map((row) => ({
      path: searching(rareWord(row)),
      user: row % users.length,
    })),
  }
}
