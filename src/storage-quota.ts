import type { Queries } from './db/database.ts'

/**
 * The limit on the bytes that a user stores: originals, unfinished resumable uploads, and decoded audio that
 * waits for engines.
 */
export type StorageQuota = {
  /**
   * Checks the quota after a row with `bytes` was written, in the same transaction, which holds the user's
   * lock. `pcmBytes` (default: 0) of the row do not count: its pcm exists for a short time. Throws
   * `storage_quota_reached`, and `too_large` if the upload is larger than the whole quota.
   */
  require(tx: Queries, upload: { userId: string; bytes: number; pcmBytes?: number }): Promise<void>
  /** Starts an upload of unknown length. Throws `storage_quota_reached` if the user's quota is used up. */
  begin(userId: string): Promise<IncomingUpload>
}

/** An upload of unknown length while it arrives. Dispose of it when it has ended. */
export type IncomingUpload = Disposable & {
  /**
   * Counts arrived bytes. Throws `storage_quota_reached` if the user's uploads that arrive here exceed the
   * quota.
   */
  add(bytes: number): void
}
