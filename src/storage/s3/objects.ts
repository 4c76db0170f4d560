import { digestOf } from '../digest.ts'
import { checkedKey, isKey, notStored } from '../key.ts'
import type { Objects } from '../storage.ts'
import { AnswerError, isMissing } from './answer-error.ts'
import { emptyBody, wholeBody } from './body.ts'
import { lastSign, listObjects, listUploads } from './listing.ts'
import { abort, putStream, sizeOf } from './multipart.ts'
import { type BucketPlace, createRequests } from './requests.ts'

export type ObjectsPlace = BucketPlace & {
  /** Begins every key, without a `/` at its end; by default the whole bucket is used. */
  prefix?: string | undefined
  /** How much is asked for in one listing. */
  pageSize?: number | undefined
}

/** As much of the port as needs no disk, so that it also runs where there is none. */
export function createObjects({ prefix: folder, pageSize: size = 1000, ...place }: ObjectsPlace) {
  const requests = createRequests(place)
  const start = folder ? `${folder}/` : ''
  const named = (key: string) => start + checkedKey(key)

  const objects: Objects = {
    async write(key, body) {
      const { chunks, measured } = digestOf(body)
      await putStream({ requests, key: named(key), chunks })
      return measured()
    },

    async read(key, range) {
      if (range && range.end <= range.start) {
        // No Range header says this.
        if ((await objects.size(key)) === null) throw notStored(key)
        return emptyBody()
      }
      try {
        const headers = range && { headers: { range: `bytes=${range.start}-${range.end - 1}` } }
        const response = await requests.open({ method: 'GET', key: named(key), ...headers })
        if (range && response.status !== 206) throw new Error('the store does not heed ranges')
        return wholeBody(response)
      } catch (error) {
        if (isMissing(error)) throw notStored(key)
        if (error instanceof AnswerError && error.status === 416) return emptyBody()
        throw error
      }
    },

    /** With the reason in one line. */
    async check() {
      await listObjects({ requests, prefix: start, size: 1 }).next()
    },

    async size(key) {
      return sizeOf({ requests, key: named(key) })
    },

    async *list(prefix) {
      const below = `${named(prefix)}/`
      for await (const { key, modifiedAt } of listObjects({ requests, prefix: below, size })) {
        const name = key.slice(start.length)
        if (isKey(name)) yield { key: name, modifiedAt }
      }
    },

    async remove(prefix) {
      const drop = (key: string) => requests.head({ method: 'DELETE', key: named(key) })
      if ((await objects.size(prefix)) !== null) await drop(prefix)
      for await (const { key } of objects.list(prefix)) await drop(key)
    },

    /** Some stores list no uploads but those of a whole key; they have a sweep of their own. */
    async removeAbandoned(before) {
      let removed = 0
      for await (const upload of listUploads({ requests, prefix: start, size })) {
        if (upload.startedAt >= before || !isKey(upload.key.slice(start.length))) continue
        const latest = await lastSign({ requests, upload }).catch((error) => {
          if (isMissing(error)) return null
          throw error
        })
        if (latest === null || latest >= before) continue
        await abort({ requests, ...upload })
        removed++
      }
      return removed
    },
  }

  return objects
}
