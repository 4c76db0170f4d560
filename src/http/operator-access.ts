import { isSameBytes } from '../bytes.ts'
import { VerbatimError } from '../errors.ts'
import type { Authenticator } from './bearer.ts'

/** Whether a request may see what concerns operators only: metrics, and why the service is not ready. */
export type OperatorAccess = (authorization: string | undefined) => Promise<boolean>

/**
 * Lets in who sends the METRICS_TOKEN or an administrator's access token; without a METRICS_TOKEN also anyone, while only this
 * machine reaches the service.
 */
export function createOperatorAccess({
  token,
  authenticator,
  isLocal,
}: {
  token: string | undefined
  /** Null in a process without accounts. */
  authenticator: Pick<Authenticator, 'authenticate'> | null
  /** Only this machine reaches the service. */
  isLocal: boolean
}): OperatorAccess {
  return async (authorization) => {
    if (isLocal && token === undefined) return true
    // A METRICS_TOKEN may have spaces in it.
    const given = /^bearer +([^ ].*)$/i.exec(authorization ?? '')?.[1]
    if (given === undefined) return false
    if (token !== undefined && (await isSameText(given, token))) return true
    return authenticator !== null && isAdministrator(authenticator, given)
  }
}

/** Takes the same time wherever two texts differ, since their hashes are compared. */
async function isSameText(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map(hashOf))
  return a !== undefined && b !== undefined && isSameBytes(a, b)
}

async function hashOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}

async function isAdministrator(
  authenticator: Pick<Authenticator, 'authenticate'>,
  given: string,
): Promise<boolean> {
  try {
    return (await authenticator.authenticate(given, { afresh: true })).scopes.includes('admin')
  } catch (error) {
    if (error instanceof VerbatimError) return false
    throw error
  }
}
