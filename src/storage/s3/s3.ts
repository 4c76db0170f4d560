import { fill, openAside } from '../aside.ts'
import { checkedKey } from '../key.ts'
import type { Storage } from '../storage.ts'
import { createObjects, type ObjectsPlace } from './objects.ts'

/**
 * A bucket of S3, or of a store that speaks its language. `scratch` is a folder for the files that `withFile` and
 * `fromFile` hand out. Throws, with the reason in one line, where the bucket cannot be used.
 */
export async function s3Storage({ scratch, ...place }: ObjectsPlace & { scratch: string }): Promise<Storage> {
  const { check, ...objects } = createObjects(place)
  const aside = await openAside(scratch)
  await check()

  return {
    ...objects,

    async removeAbandoned(before) {
      return (await aside.removeBefore(before)) + (await objects.removeAbandoned(before))
    },

    async withFile(key, use) {
      return aside.within(async (path) => {
        await fill(path, await objects.read(key))
        return use(path)
      })
    },

    async fromFile(key, make) {
      checkedKey(key)
      return aside.within(async (path) => {
        const made = await make(path)
        await objects.write(key, Bun.file(path).stream())
        return made
      })
    },
  }
}
