import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Server } from './client.ts'
import { Failure, UsageError } from './failure.ts'
import { configFolder, type Env } from './folders.ts'

/** What `verbatim login` stores. `keyId` is null if the user brought the API key. */
export type Credentials = Server & { keyId: string | null; email: string | null }

export const DEFAULT_URL = 'http://localhost:3000'

const credentialsPath = (env: Env) => join(configFolder(env), 'credentials.json')

export async function readCredentials(env: Env): Promise<Credentials | null> {
  const path = credentialsPath(env)
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return null
    throw new Failure('credentials', `Cannot read ${path}: ${error.message}`)
  })
  if (text === null) return null
  try {
    const credentials: Credentials = JSON.parse(text)
    return credentials
  } catch {
    throw new Failure('credentials', `${path} is not valid JSON: run "verbatim login" again`)
  }
}

/** Only the user can read the file. */
export async function writeCredentials(env: Env, credentials: Credentials): Promise<string> {
  const path = credentialsPath(env)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}`
  await writeFile(temporary, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 })
  await rename(temporary, path)
  return path
}

export async function removeCredentials(env: Env): Promise<void> {
  await rm(credentialsPath(env), { force: true })
}

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])([:/]|$)/i

/**
 * Parses the URL of a service. Without a scheme it is https, on this machine http. Throws `UsageError` if it is
 * invalid.
 */
export function parseUrl(text: string): string {
  const scheme = LOOPBACK.test(text) ? 'http' : 'https'
  const url = URL.parse(text.includes('://') ? text : `${scheme}://${text}`)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${JSON.stringify(text)} is not an http(s) URL`)
  }
  return `${url.origin}${url.pathname}`.replace(/(?<!\/)\/+$/, '')
}

/**
 * The service to use: VERBATIM_URL and VERBATIM_API_KEY, or else what `verbatim login` stored. A stored key is sent
 * to its own service only.
 */
export async function findServer(env: Env): Promise<Server> {
  const { VERBATIM_URL, VERBATIM_API_KEY } = env
  const stored = VERBATIM_URL && VERBATIM_API_KEY ? null : await readCredentials(env)
  const url = VERBATIM_URL ? parseUrl(VERBATIM_URL) : (stored?.url ?? DEFAULT_URL)
  if (VERBATIM_API_KEY) return { url, apiKey: VERBATIM_API_KEY }
  if (stored?.url === url) return { url, apiKey: stored.apiKey }
  throw new Failure(
    'not_logged_in',
    stored || VERBATIM_URL
      ? `There is no API key for ${url}: run "verbatim login ${url}", or set VERBATIM_API_KEY`
      : 'You are not logged in: run "verbatim login", set VERBATIM_URL and VERBATIM_API_KEY, or use --local',
  )
}
