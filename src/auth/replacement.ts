import type { Database } from '../db/database.ts'
import { hashOf } from './opaque-tokens.ts'
import type { RefreshChain } from './refresh-tokens.ts'
import { findRefreshToken } from './sessions.store.ts'

/** Longer than any chain of refresh tokens that were all used within the grace period. */
const LONGEST_CHAIN = 10

/**
 * The session of a refresh token that was used a moment ago, with the unused token that replaced it; null for any other.
 * Several steps are followed, since a client may have refreshed again meanwhile.
 */
export async function findReplacement(
  { db, refreshChain }: { db: Database; refreshChain: RefreshChain },
  used: string,
): Promise<{ sessionId: string; userId: string; refreshToken: string } | null> {
  let token: string | undefined = used
  for (let link = 0; link < LONGEST_CHAIN && token !== undefined; link++) {
    const found = await findRefreshToken(db, await hashOf(token))
    if (found?.use === 'unused' && token !== used) return { ...found, refreshToken: token }
    token = found?.use === 'recent' ? await issuedAfter(token) : undefined
  }
  return null

  async function issuedAfter(before: string): Promise<string | undefined> {
    for (const successor of await refreshChain(before)) {
      if (await findRefreshToken(db, await hashOf(successor))) return successor
    }
    return undefined
  }
}
