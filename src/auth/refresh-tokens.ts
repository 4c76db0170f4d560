import { deriveKeyBytes } from '../derived-keys.ts'
import { asRefreshToken } from './opaque-tokens.ts'

/** Which refresh token may follow one, by each secret; the first is the one to issue. */
export type RefreshChain = (token: string) => Promise<[string, ...string[]]>

/**
 * A refresh token's successor is its HMAC under a key that only the service has. So the service can answer a repeated refresh
 * with the same successor, although it stores only hashes, and whoever has a token cannot compute the next one.
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
