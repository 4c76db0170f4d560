import { treaty } from '@elysiajs/eden/treaty2'
import type { App } from '../../src/app.ts'
import { messages } from '../i18n/messages.ts'
import { accessToken, renew } from './session.ts'

/** An error of the API, or `offline` if the server cannot be reached. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly code: string
  readonly status: number

  constructor({ code, status, message }: { code: string; status: number; message: string }) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** As `fetch`, with the access token. A token that the server refuses is renewed once. */
export async function authorizedFetch(url: string, init: RequestInit = {}): Promise<Response> {
  const send = (token: string | null) => {
    const headers = new Headers(init.headers)
    if (token !== null) headers.set('Authorization', `Bearer ${token}`)
    return fetch(url, { ...init, headers })
  }
  const token = await accessToken()
  const response = await send(token)
  if (response.status !== 401 || token === null) return response
  await renew(token)
  const next = await accessToken()
  return next === null || next === token ? response : send(next)
}

const fetcher = (async (input: RequestInfo | URL, init?: RequestInit) =>
  authorizedFetch(String(input), init)) satisfies (
  input: RequestInfo | URL,
  init?: RequestInit,
) => Promise<Response>

/**
 * The routes of the API with their types: `await unwrap(api.transcriptions({ id }).get())`. Paths and bodies that the
 * service does not have are errors of the compiler.
 */
export const { api, v1 } = treaty<App>(location.origin, {
  fetcher: Object.assign(fetcher, { preconnect: fetch.preconnect }),
  parseDate: false,
})

type Answer<T> = { data: T; error: null } | { data: null; error: { status: unknown; value: unknown } }

/** Returns the body of a success. Throws `ApiError`. */
export async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error } = await answer
  if (error === null) return data
  throw errorOf(error.value, Number(error.status))
}

/** Reads the error of a response that is not a success. */
export async function responseError(response: Response): Promise<ApiError> {
  return errorOf(await response.json().catch(() => null), response.status)
}

function errorOf(value: unknown, status: number): ApiError {
  if (typeof value === 'object' && value !== null && 'code' in value && 'error' in value) {
    return new ApiError({ code: String(value.code), status, message: String(value.error) })
  }
  if (value instanceof TypeError) return new ApiError({ code: 'offline', status: 0, message: value.message })
  return new ApiError({ code: 'unknown', status, message: '' })
}

/** The sentence for a person: in their language if the page has it, otherwise the server's. */
export function errorText(error: unknown): string {
  const { errors, errorOffline, errorUnknown } = messages.value
  if (error instanceof TypeError) return errorOffline
  if (!(error instanceof ApiError)) return errorUnknown
  if (error.code === 'offline') return errorOffline
  const known = Object.entries(errors).find(([code]) => code === error.code)
  return known?.[1] || error.message || errorUnknown
}
