import { hostname } from 'node:os'
import { closeAccount, createApiKey, openAccount, revokeApiKey } from './account.ts'
import { createClient } from './client.ts'
import {
  type Credentials,
  DEFAULT_URL,
  parseUrl,
  readCredentials,
  removeCredentials,
  writeCredentials,
} from './credentials.ts'
import type { Env } from './folders.ts'
import { createPrompt } from './prompt.ts'

/** `apiKey` is true if it was given without a value. */
type LoginOptions = { email?: string; apiKey?: string | true; register?: boolean }

type Context = { env: Env; signal: AbortSignal; write: (line: string) => void }

/** Stores an API key of the service: a new one of the account, or the given one. */
export async function login(
  { env, signal, write }: Context,
  givenUrl: string | undefined,
  options: LoginOptions,
): Promise<void> {
  const ask = createPrompt(signal)
  const stored = await readCredentials(env)
  const url = parseUrl(givenUrl ?? (await askUrl()))

  async function askUrl(): Promise<string> {
    const defaultValue = env.VERBATIM_URL || stored?.url || DEFAULT_URL
    return process.stdin.isTTY ? ask({ message: 'URL of the service', defaultValue }) : defaultValue
  }

  async function useKey(given: string | true): Promise<Credentials> {
    const apiKey = given === true ? await ask({ message: 'API key', isSecret: true }) : given
    await createClient({ url, apiKey }, signal).check()
    return { url, apiKey, keyId: null, email: null }
  }

  async function usePassword(): Promise<Credentials> {
    const email = options.email ?? (await ask({ message: 'Email' }))
    const password = await ask({ message: 'Password', isSecret: true })
    const action = options.register ? 'register' : 'login'
    const account = await openAccount({ url, action, email, password, signal })
    const { id, key } = await createApiKey(account, `verbatim on ${hostname()}`.slice(0, 100))
    // The key of an earlier login is replaced.
    if (stored?.keyId && stored.url === url && stored.email === email)
      await revokeApiKey(account, stored.keyId)
    await closeAccount(account)
    return { url, apiKey: key, keyId: id, email }
  }

  const credentials = options.apiKey === undefined ? await usePassword() : await useKey(options.apiKey)
  const path = await writeCredentials(env, credentials)
  write(`Logged in to ${url}. The API key is stored in ${path}`)
}

/** Removes the stored key; with `revoke` the service revokes it too. */
export async function logout(
  { env, signal, write }: Context,
  { revoke = false }: { revoke?: boolean },
): Promise<void> {
  const stored = await readCredentials(env)
  if (!stored) return write('You are not logged in')
  const { url, keyId, email } = stored
  if (revoke && keyId && email) {
    const password = await createPrompt(signal)({ message: `Password of ${email}`, isSecret: true })
    const account = await openAccount({ url, action: 'login', email, password, signal })
    await revokeApiKey(account, keyId)
    await closeAccount(account)
  }
  await removeCredentials(env)
  const rest = revoke && keyId ? 'The API key is revoked' : 'The API key stays valid until it is revoked'
  write(`Logged out of ${url}. ${rest}`)
}
