import { truncate } from 'node:fs/promises'
import { keyNotFound } from '../key.ts'
import type { Storage } from '../storage.ts'
import { openTempFiles, writeChunks } from '../temp-files.ts'
import { createObjects, type ObjectsOptions } from './objects.ts'

/** More than ffmpeg reads to recognize a file, and than the index at the end of an m4a file of 24 hours. */
const END_BYTES = 16 * 2 ** 20

/**
 * A bucket of S3 or of a compatible store. `scratch`: folder for the files of `withFile` and `withEnds`.
 * `endBytes`: how much of each end `withEnds` copies. Throws, with the reason in one line, if the bucket
 * cannot be used.
 */
export async function s3Storage({
  scratch,
  endBytes = END_BYTES,
  ...options
}: ObjectsOptions & { scratch: string; endBytes?: number }): Promise<Storage> {
  const objects = createObjects(options)
  const tempFiles = await openTempFiles(scratch)
  await objects.check()

  async function withFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T> {
    return tempFiles.within(async (path) => {
      await writeChunks({ path, chunks: await objects.read(key) })
      return use(path)
    })
  }

  return {
    ...objects,
    withFile,

    async removeAbandoned(before) {
      return (await tempFiles.removeBefore(before)) + (await objects.removeAbandoned(before))
    },

    async withEnds(key, use) {
      const size = await objects.size(key)
      if (size === null) throw keyNotFound(key)
      if (size <= 2 * endBytes) return withFile(key, (path) => use(path, true))
      return tempFiles.within(async (path) => {
        await writeChunks({ path, chunks: await objects.read(key, { start: 0, end: endBytes }) })
        await truncate(path, size - endBytes)
        const tail = await objects.read(key, { start: size - endBytes, end: size })
        await writeChunks({ path, chunks: tail, append: true })
        return use(path, false)
      })
    },
  }
}
