import { request } from './client.ts'

/** A session of a user at a service. */
export type Account = {
  send: (path: string, init: RequestInit) => Promise<Response>
  refreshToken: string
}

const jsonBody = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
})

/** Logs in, or registers. */
export async function openAccount({
  url,
  action,
  email,
  password,
  signal,
}: {
  url: string
  action: 'login' | 'register'
  email: string
  password: string
  signal: AbortSignal
}): Promise<Account> {
  const path = `/api/auth/${action}`
  const init = jsonBody({ email, password })
  const response = await request({ url, apiKey: null, path, init, signal })
  const tokens: { access_token: string; refresh_token: string } = await response.json()
  return {
    send: (path, init) => request({ url, apiKey: tokens.access_token, path, init, signal }),
    refreshToken: tokens.refresh_token,
  }
}

/** Creates an API key that can read and write. */
export async function createApiKey(account: Account, name: string): Promise<{ id: string; key: string }> {
  const response = await account.send('/api/auth/keys', jsonBody({ name, scopes: ['read', 'write'] }))
  return response.json()
}

/** Revokes an API key. Another user's key, and a revoked one, do not count as failures. */
export async function revokeApiKey(account: Account, id: string): Promise<void> {
  await account.send(`/api/auth/keys/${id}`, { method: 'DELETE' }).catch((error) => {
    if (error.status !== 404) throw error
  })
}

/** Ends the session; its API keys stay. */
export async function closeAccount({ send, refreshToken }: Account): Promise<void> {
  await send('/api/auth/logout', jsonBody({ refresh_token: refreshToken }))
}
