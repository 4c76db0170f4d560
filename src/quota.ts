import type { Queries } from './db/database.ts'

/** What of a limit is left, and when there is more. */
export type Quota = {
  name: string
  limit: number
  windowSeconds: number
  remaining: number
  resetSeconds: number
}

/** The limit on the bytes that a user stores: originals, unfinished resumable uploads, and decoded audio that waits for engines. */
export type StorageQuota = {
  /**
   * Checks the quota after `bytes` were written down, in the same transaction, which holds the user's lock. Throws
   * `storage_quota_reached`, and `too_large` if they alone are more than the quota.
   */
  require(tx: Queries, upload: { userId: string; bytes: number }): Promise<void>
  /** Begins an upload of unknown length. Throws `storage_quota_reached` if the user stores as much as the quota already. */
  begin(userId: string): Promise<IncomingUpload>
}

/** An upload of unknown length while it arrives; disposing of it ends it. */
export type IncomingUpload = Disposable & {
  /** Throws `storage_quota_reached` once this and the user's other uploads that arrive here are more than there is room for. */
  add(bytes: number): void
}
