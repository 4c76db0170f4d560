import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { StorageQuota } from '../quota.ts'
import { storedBytes } from './storage.store.ts'

/**
 * At most `bytesPerUser` of each user. What is written down is checked in the database, under the user's lock, on all processes
 * together. Uploads that are still arriving have no row: each process counts its own, so that a user who sends many at once
 * cannot fill the disk before the first of them is checked.
 */
export function createStorageQuota({
  db,
  bytesPerUser: limit,
}: {
  db: Database
  bytesPerUser: number
}): StorageQuota {
  /** Bytes of each user's uploads that are arriving here. */
  const arriving = new Map<string, number>()

  function change(userId: string, bytes: number): number {
    const sum = (arriving.get(userId) ?? 0) + bytes
    if (sum > 0) arriving.set(userId, sum)
    else arriving.delete(userId)
    return sum
  }

  return {
    async require(tx, { userId, bytes }) {
      const stored = await storedBytes(tx, userId)
      if (stored <= limit) return
      if (bytes > limit) {
        throw new VerbatimError(
          'too_large',
          `The audio file has ${bytes} bytes, more than the ${limit} bytes that a user may store`,
        )
      }
      throw reached({ stored: stored - bytes, limit })
    },

    async begin(userId) {
      const stored = await storedBytes(db, userId)
      if (stored >= limit) throw reached({ stored, limit })
      let own = 0
      return {
        add(bytes) {
          own += bytes
          if (stored + change(userId, bytes) > limit) throw reached({ stored, limit })
        },
        [Symbol.dispose]() {
          change(userId, -own)
          own = 0
        },
      }
    },
  }
}

function reached({ stored, limit }: { stored: number; limit: number }) {
  return new VerbatimError(
    'storage_quota_reached',
    `You store ${stored} of ${limit} bytes, which leaves no room for this upload: delete transcriptions or unfinished uploads first`,
  )
}
