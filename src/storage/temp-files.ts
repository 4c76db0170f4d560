import { randomUUID } from 'node:crypto'
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isFull, orIfMissing } from './file-errors.ts'
import { storageFull } from './free-space.ts'
import { FILE_MODE, makePrivate } from './private-folder.ts'
import { rechunk } from './rechunk.ts'

/** A folder for temporary files. Several processes may share it. */
export async function openTempFiles(folder: string) {
  await makePrivate(folder)

  return {
    /** Runs `use` with an unused path, then removes the file. Throws `storage_full` if the disk is full. */
    async within<T>(use: (path: string) => Promise<T>): Promise<T> {
      const path = join(folder, randomUUID())
      try {
        return await use(path)
      } catch (error) {
        throw isFull(error) ? storageFull(error) : error
      } finally {
        await rm(path, { force: true })
      }
    },

    /** Removes the files that were last written before `before`. Returns how many it removed. */
    async removeBefore(before: Date): Promise<number> {
      let removed = 0
      for (const name of await readdir(folder)) {
        const path = join(folder, name)
        const file = await stat(path).catch(orIfMissing(null))
        if (!file?.isFile() || file.mtime >= before) continue
        await rm(path, { force: true })
        removed++
      }
      return removed
    },
  }
}

/** A few large writes are faster than many small ones. */
const WRITE_BYTES = 2 ** 20

/**
 * Writes chunks to a new file, or with `append` to the end of an existing one. Reads the next chunks during a
 * write. Calls `onChunk` with the size of each chunk, `beforeWrite` with the size of each block that is written
 * next, and `whileWriting` with the bytes that are being written.
 */
export async function writeChunks({
  path,
  chunks,
  append = false,
  onChunk,
  beforeWrite = async () => {},
  whileWriting = () => {},
}: {
  path: string
  chunks: AsyncIterable<Uint8Array>
  append?: boolean
  onChunk?: ((bytes: number) => void) | undefined
  beforeWrite?: (bytes: number) => Promise<void>
  whileWriting?: (bytes: Uint8Array) => void
}): Promise<void> {
  const file = await open(path, append ? 'a' : 'wx', FILE_MODE)
  let writing = Promise.resolve()
  try {
    for await (const { bytes } of rechunk(chunks, WRITE_BYTES, onChunk)) {
      await writing
      await beforeWrite(bytes.length)
      writing = writeAll(file, bytes)
      // Prevents an unhandled rejection before the error is thrown by the next await.
      writing.catch(() => {})
      whileWriting(bytes)
    }
    await writing
  } finally {
    await Promise.allSettled([writing])
    await file.close()
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) offset += (await file.write(bytes, offset)).bytesWritten
}
