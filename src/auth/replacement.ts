import type { Database } from '../db/database.ts'
import { hashOf } from './opaque-tokens.ts'
import type { RefreshChain } from './refresh-tokens.ts'
import { findRefreshToken } from './sessions.store.ts'

/** More refreshes than a client makes within the grace period. */
const MAX_CHAIN = 10

/**
 * The session of a refresh token that was used within the grace period, with its unused successor; null for
 * any other token. The chain can have several links, because the client may have refreshed again meanwhile.
 */
export async function findReplacement(
  { db, refreshChain }: { db: Database; refreshChain: RefreshChain },
  used: string,
): Promise<{ sessionId: string; userId: string; refreshToken: string } | null> {
  let token: string | undefined = used
  for (let link = 0; link < MAX_CHAIN && token !== undefined; link++) {
    const row = await findRefreshToken(db, await hashOf(token))
    if (row?.use === 'unused' && token !== used) return { ...row, refreshToken: token }
    token = row?.use === 'recent' ? await issuedAfter(token) : undefined
  }
  return null

  async function issuedAfter(before: string): Promise<string | undefined> {
    for (const successor of await refreshChain(before)) {
      if (await findRefreshToken(db, await hashOf(successor))) return successor
    }
    return undefined
  }
}
