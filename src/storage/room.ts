import { statfs } from 'node:fs/promises'
import { NotReady, VerbatimError } from '../errors.ts'

/** How often a stream that is being written looks at the disk, in bytes. */
const LOOK_BYTES = 16 * 2 ** 20
const MEGABYTE = 2 ** 20

/**
 * Keeps `reserveBytes` of a folder's disk free: the database may be on the same disk, and must be able to write when there
 * is no room left for audio.
 */
export function openFreeSpace({ folder, reserveBytes }: { folder: string; reserveBytes: number }) {
  async function bytesLeft(): Promise<number> {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  }

  return {
    /** Passes chunks on while there is room. Throws `storage_full`. */
    async *within(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      let unseen = LOOK_BYTES
      for await (const chunk of chunks) {
        unseen += chunk.length
        if (unseen >= LOOK_BYTES) {
          if ((await bytesLeft()) < reserveBytes) throw storageFull()
          unseen = 0
        }
        yield chunk
      }
    },

    /** Throws `NotReady`. */
    async check(): Promise<void> {
      const left = await bytesLeft()
      if (left >= reserveBytes) return
      const [has, needs] = [left, reserveBytes].map((bytes) => Math.floor(bytes / MEGABYTE))
      throw new NotReady(
        `The disk of DATA_DIR is full: ${has} MiB are free, and ${needs} MiB are kept free; make room, or use a larger disk`,
      )
    },
  }
}

export function storageFull(cause?: unknown) {
  return new VerbatimError('storage_full', 'There is no room left to store the audio', { cause })
}
