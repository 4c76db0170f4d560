import { deriveKeyBytes } from '../derived-keys.ts'
import { asRefreshToken } from './opaque-tokens.ts'

/**
 * Computes the possible successors of a refresh token, one for each secret; the first is the one to issue.
 */
export type RefreshChain = (token: string) => Promise<[string, ...string[]]>

/**
 * A refresh token's successor is its HMAC under a key of the service. The service can thus return the same
 * successor for a repeated refresh, although it stores only hashes; the holder of a token cannot compute its
 * successor.
 */
export async function createRefreshChain({
  secrets: [first, ...others],
}: {
  secrets: readonly [string, ...string[]]
}): Promise<RefreshChain> {
  const newest = await keyOf(first)
  const older = await Promise.all(others.map(keyOf))
  return async (token) => [
    await successorOf(token, newest),
    ...(await Promise.all(older.map((key) => successorOf(token, key)))),
  ]
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = await deriveKeyBytes(secret, 'refresh tokens')
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

async function successorOf(token: string, key: CryptoKey): Promise<string> {
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(token))
  return asRefreshToken(new Uint8Array(signature))
}
