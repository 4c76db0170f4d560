import { randomUUID } from 'node:crypto'
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isFull, orIfMissing } from './file-errors.ts'
import { FILE_MODE, makePrivate } from './private-folder.ts'
import { rechunk } from './rechunk.ts'
import { storageFull } from './room.ts'

/** A folder for files that are not whole yet, or not for long. Several processes may share it. */
export async function openTempFiles(folder: string) {
  await makePrivate(folder)

  return {
    /** Runs `use` with a path that is free, and removes what is left there. Throws `storage_full` when the disk is. */
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

    /** Removes what nothing was written to since `before`; gives how many files that were. */
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

/** Few large writes take less time than many small ones. */
const PART_BYTES = 2 ** 20

/**
 * Writes what comes to a file that was not there, or with `append` to the end of one that was; a part of it while the next
 * is gathered. `beside` looks at each part while it is being written.
 */
export async function fill({
  path,
  chunks,
  append = false,
  beside = () => {},
}: {
  path: string
  chunks: AsyncIterable<Uint8Array>
  append?: boolean
  beside?: (part: Uint8Array) => void
}): Promise<void> {
  const file = await open(path, append ? 'a' : 'wx', FILE_MODE)
  let writing = Promise.resolve()
  try {
    for await (const { bytes } of rechunk(chunks, PART_BYTES)) {
      await writing
      writing = writeAll(file, bytes)
      // It is thrown where it is awaited; until then no one else is to hear of it.
      writing.catch(() => {})
      beside(bytes)
    }
    await writing
  } finally {
    await Promise.allSettled([writing])
    await file.close()
  }
}

async function writeAll(file: FileHandle, part: Uint8Array): Promise<void> {
  for (let at = 0; at < part.length; ) at += (await file.write(part, at)).bytesWritten
}
