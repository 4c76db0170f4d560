import { truncate } from 'node:fs/promises'
import { notStored } from '../key.ts'
import type { Storage } from '../storage.ts'
import { fill, openTempFiles } from '../temp-files.ts'
import { createObjects, type ObjectsPlace } from './objects.ts'

/** More than ffmpeg reads of a file's start to see what it is, and than the index at the end of a day of m4a. */
const END_BYTES = 16 * 2 ** 20

/**
 * A bucket of S3, or of a store that speaks its language. `scratch` is a folder for the files that `withFile` and
 * `withEnds` hand out; `endBytes` is how much of each end `withEnds` shows. Throws, with the reason in one line, where
 * the bucket cannot be used.
 */
export async function s3Storage({
  scratch,
  endBytes = END_BYTES,
  ...place
}: ObjectsPlace & { scratch: string; endBytes?: number }): Promise<Storage> {
  const objects = createObjects(place)
  const aside = await openTempFiles(scratch)
  await objects.check()

  async function withFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T> {
    return aside.within(async (path) => {
      await fill({ path, chunks: await objects.read(key) })
      return use(path)
    })
  }

  return {
    ...objects,
    withFile,

    async removeAbandoned(before) {
      return (await aside.removeBefore(before)) + (await objects.removeAbandoned(before))
    },

    async withEnds(key, use) {
      const size = await objects.size(key)
      if (size === null) throw notStored(key)
      if (size <= 2 * endBytes) return withFile(key, (path) => use(path, true))
      return aside.within(async (path) => {
        await fill({ path, chunks: await objects.read(key, { start: 0, end: endBytes }) })
        await truncate(path, size - endBytes)
        const tail = await objects.read(key, { start: size - endBytes, end: size })
        await fill({ path, chunks: tail, append: true })
        return use(path, false)
      })
    },
  }
}
