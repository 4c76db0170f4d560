import { statfs } from 'node:fs/promises'
import { NotReady, VerbatimError } from '../errors.ts'

/** While a stream is written, the free space is read again after this many bytes. */
const CHECK_INTERVAL_BYTES = 16 * 2 ** 20
const MEGABYTE = 2 ** 20

/**
 * Keeps `reserveBytes` of a folder's disk free. The database may be on the same disk, and must be able to
 * write when there is no room left for audio.
 */
export function openFreeSpace({ folder, reserveBytes }: { folder: string; reserveBytes: number }) {
  async function freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  }

  return {
    /** A check for one stream, called with the size of each block before it is written. Throws `storage_full`. */
    openCheck() {
      let bytesSinceCheck = CHECK_INTERVAL_BYTES
      return async (bytes: number): Promise<void> => {
        bytesSinceCheck += bytes
        if (bytesSinceCheck < CHECK_INTERVAL_BYTES) return
        if ((await freeBytes()) < reserveBytes) throw storageFull()
        bytesSinceCheck = 0
      }
    },

    /** Throws `NotReady`. */
    async check(): Promise<void> {
      const bytes = await freeBytes()
      if (bytes >= reserveBytes) return
      const [free, reserve] = [bytes, reserveBytes].map((size) => Math.floor(size / MEGABYTE))
      throw new NotReady(
        `The disk of DATA_DIR is full: ${free} MiB are free, and ${reserve} MiB must stay free; ` +
          'delete files, or use a larger disk',
      )
    },
  }
}

export function storageFull(cause?: unknown) {
  return new VerbatimError('storage_full', 'There is no room left to store the audio', { cause })
}
