import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { StorageQuota } from '../storage-quota.ts'
import { storedBytes } from './storage.store.ts'

/**
 * Limits the stored bytes per user. Rows are checked in the database, under the user's lock, across all
 * processes. Uploads in progress have no row yet: each process counts its own, so that a user with many
 * concurrent uploads cannot fill the disk before the first one is checked.
 */
export function createStorageQuota({
  db,
  bytesPerUser: limit,
}: {
  db: Database
  bytesPerUser: number
}): StorageQuota {
  /** Bytes of uploads in progress in this process, by user. */
  const incoming = new Map<string, number>()

  function change(userId: string, bytes: number): number {
    const sum = (incoming.get(userId) ?? 0) + bytes
    if (sum > 0) incoming.set(userId, sum)
    else incoming.delete(userId)
    return sum
  }

  return {
    async require(tx, { userId, bytes, pcmBytes = 0 }) {
      const stored = (await storedBytes(tx, userId)) - pcmBytes
      if (stored <= limit) return
      if (bytes > limit) {
        throw new VerbatimError(
          'too_large',
          `The audio file has ${bytes} bytes, and a user may store ${limit} bytes: send a smaller file`,
        )
      }
      throw quotaReached({ stored: stored - bytes, limit })
    },

    async begin(userId) {
      const stored = await storedBytes(db, userId)
      if (stored >= limit) throw quotaReached({ stored, limit })
      let own = 0
      return {
        add(bytes) {
          own += bytes
          if (stored + change(userId, bytes) > limit) throw quotaReached({ stored, limit })
        },
        [Symbol.dispose]() {
          change(userId, -own)
          own = 0
        },
      }
    },
  }
}

function quotaReached({ stored, limit }: { stored: number; limit: number }) {
  return new VerbatimError(
    'storage_quota_reached',
    `You store ${stored} of ${limit} bytes, and this upload does not fit: delete transcriptions or ` +
      'unfinished uploads first',
  )
}
