import { withDigest } from '../digest.ts'
import { isKey, keyNotFound, validKey } from '../key.ts'
import type { Objects } from '../storage.ts'
import { emptyBody, wholeBody } from './body.ts'
import { latestActivity, listObjects, listUploads } from './listing.ts'
import { abort, putStream, sizeOf } from './multipart.ts'
import { type Bucket, createS3Requests } from './requests.ts'
import { isMissing, S3Error } from './s3-error.ts'

export type ObjectsOptions = Bucket & {
  /** Prepended to every key, without a trailing `/`; by default keys begin at the bucket's root. */
  prefix?: string | undefined
  /** Number of entries that one listing request asks for. */
  pageSize?: number | undefined
}

/** The methods of `Storage` that need no disk, for runtimes without one. */
export function createObjects({ prefix: folder, pageSize = 1000, ...bucket }: ObjectsOptions) {
  const requests = createS3Requests(bucket)
  const root = folder ? `${folder}/` : ''
  const objectKey = (key: string) => root + validKey(key)

  const objects: Objects = {
    async write(key, body, { onChunk } = {}) {
      const target = { requests, key: objectKey(key) }
      const { chunks, result } = withDigest(body, onChunk)
      await putStream({ ...target, chunks })
      return result()
    },

    async read(key, range) {
      if (range && range.end <= range.start) {
        // A Range header cannot express an empty range.
        if ((await objects.size(key)) === null) throw keyNotFound(key)
        return emptyBody()
      }
      try {
        const headers = range && { headers: { range: `bytes=${range.start}-${range.end - 1}` } }
        const response = await requests.open({ method: 'GET', key: objectKey(key), ...headers })
        if (range && response.status !== 206) {
          await response.body?.cancel()
          throw new Error('the store ignores Range headers')
        }
        return wholeBody(response)
      } catch (error) {
        if (isMissing(error)) throw keyNotFound(key)
        if (error instanceof S3Error && error.status === 416) return emptyBody()
        throw error
      }
    },

    async check() {
      await listObjects({ requests, prefix: root, pageSize: 1 }).next()
    },

    async size(key) {
      return sizeOf({ requests, key: objectKey(key) })
    },

    async *list(prefix) {
      const below = `${objectKey(prefix)}/`
      for await (const object of listObjects({ requests, prefix: below, pageSize })) {
        const key = object.key.slice(root.length)
        if (isKey(key)) yield { key, modifiedAt: object.modifiedAt }
      }
    },

    async remove(prefix) {
      const removeObject = (key: string) => requests.headers({ method: 'DELETE', key: objectKey(key) })
      if ((await objects.size(prefix)) !== null) await removeObject(prefix)
      for await (const { key } of objects.list(prefix)) await removeObject(key)
    },

    /**
     * Finds nothing in stores that list uploads of a whole key only. Those remove abandoned uploads
     * themselves.
     */
    async removeAbandoned(before) {
      let removed = 0
      for await (const upload of listUploads({ requests, prefix: root, pageSize })) {
        if (upload.startedAt >= before || !isKey(upload.key.slice(root.length))) continue
        const latest = await latestActivity({ requests, upload }).catch((error) => {
          if (isMissing(error)) return null
          throw error
        })
        if (latest === null || latest >= before) continue
        await abort({ requests, key: upload.key, uploadId: upload.uploadId })
        removed++
      }
      return removed
    },
  }

  return objects
}
