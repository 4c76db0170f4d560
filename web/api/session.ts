import { signal } from '@preact/signals'
import { stored } from '../stored.ts'

/** `refresh` is null for a token that the user pasted: it cannot be renewed. */
export type Session = { access: string; refresh: string | null; expiresAt: number }

/** Tokens are renewed this long before they expire, so that no request starts with one that is about to. */
const RENEW_BEFORE_MS = 60_000

export const session = stored<Session | null>('verbatim.session', null, parseSession)

/** Whether the server ended the session, which the page explains above the form to log in. */
export const hasSessionEnded = signal(false)

function parseSession(value: unknown): Session | null {
  if (typeof value !== 'object' || value === null) return null
  const { access, refresh, expiresAt }: Partial<Record<keyof Session, unknown>> = value
  if (typeof access !== 'string' || typeof expiresAt !== 'number') return null
  return { access, refresh: typeof refresh === 'string' ? refresh : null, expiresAt }
}

type Tokens = { access_token: string; refresh_token: string; expires_in: number }

export function startSession({ access_token, refresh_token, expires_in }: Tokens): void {
  hasSessionEnded.value = false
  session.value = {
    access: access_token,
    refresh: refresh_token,
    expiresAt: Date.now() + expires_in * 1000,
  }
}

/** `token`: an access token of the identity provider, or an API key. */
export function startTokenSession(token: string): void {
  hasSessionEnded.value = false
  session.value = { access: token, refresh: null, expiresAt: Number.MAX_SAFE_INTEGER }
}

export function endSession({ isExpected }: { isExpected: boolean }): void {
  if (session.value && !isExpected) hasSessionEnded.value = true
  session.value = null
}

/** The access token, renewed if it is about to expire. Null: nobody is logged in. */
export async function accessToken(): Promise<string | null> {
  const current = session.value
  if (!current) return null
  if (current.refresh !== null && current.expiresAt - Date.now() < RENEW_BEFORE_MS)
    await renew(current.access)
  return session.value?.access ?? null
}

let renewing: Promise<void> | null = null

/** Replaces `expired`, the access token that the server refused, unless another tab or request already has. */
export async function renew(expired: string): Promise<void> {
  renewing ??= locked(async () => {
    const current = session.value
    if (current?.access !== expired) return
    if (current.refresh === null) return endSession({ isExpected: false })
    const response = await fetch('/api/auth/refresh', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refresh_token: current.refresh }),
    })
    if (response.ok) startSession(await response.json())
    // Any other error, such as a server that restarts, leaves the session as it is.
    else if (response.status === 401) endSession({ isExpected: false })
  }).finally(() => {
    renewing = null
  })
  await renewing
}

/** One tab at a time. Without Web Locks (plain HTTP), the server's grace period of 10 s covers two tabs. */
async function locked(work: () => Promise<void>): Promise<void> {
  if ('locks' in navigator) await navigator.locks.request('verbatim.session', work)
  else await work()
}
