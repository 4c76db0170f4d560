import { sha256, timingSafeEqual } from '../crypto.ts'
import { VerbatimError } from '../errors.ts'
import type { Authenticator } from './bearer.ts'

/** Whether a request may read what only operators may see: metrics, and why the service is not ready. */
export type OperatorAccess = (authorization: string | undefined) => Promise<boolean>

/**
 * Grants access to requests with the METRICS_TOKEN or an administrator's access token. Without a
 * METRICS_TOKEN, it also grants access to every request while only this machine reaches the service.
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
    // A METRICS_TOKEN may contain spaces.
    const sent = /^bearer +([^ ].*)$/i.exec(authorization ?? '')?.[1]
    if (sent === undefined) return false
    if (token !== undefined && (await isSameText(sent, token))) return true
    return authenticator !== null && isAdministrator(authenticator, sent)
  }
}

/** Compares hashes, so that the time does not depend on where the texts differ, nor on their lengths. */
async function isSameText(a: string, b: string): Promise<boolean> {
  return timingSafeEqual(await sha256(a), await sha256(b))
}

async function isAdministrator(
  authenticator: Pick<Authenticator, 'authenticate'>,
  sent: string,
): Promise<boolean> {
  try {
    return (await authenticator.authenticate(sent, { afresh: true })).scopes.includes('admin')
  } catch (error) {
    if (error instanceof VerbatimError) return false
    throw error
  }
}
