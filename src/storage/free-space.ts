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
    /** Passes chunks on while there is room. Throws `storage_full`. */
    async *within(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      let bytesSinceCheck = CHECK_INTERVAL_BYTES
      for await (const chunk of chunks) {
        bytesSinceCheck += chunk.length
        if (bytesSinceCheck >= CHECK_INTERVAL_BYTES) {
          if ((await freeBytes()) < reserveBytes) throw storageFull()
          bytesSinceCheck = 0
        }
        yield chunk
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
