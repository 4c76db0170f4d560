import { rechunk } from '../rechunk.ts'
import type { S3Requests } from './requests.ts'
import { isMissing } from './s3-error.ts'
import { escaped, requiredText } from './xml.ts'

/**
 * Stores take parts from 5 MiB on, all but the last of one size, and at most 10,000 of them: 80 GiB in all.
 */
const PART_BYTES = 8 * 2 ** 20

type Target = { requests: S3Requests; key: string }

/**
 * Stores a stream under a key: with one request if it fits into one part, else as a multipart upload that
 * reads the next part while it sends one. If it fails, the upload is aborted.
 */
export async function putStream({ requests, key, chunks }: Target & { chunks: AsyncIterable<Uint8Array> }) {
  let upload: Awaited<ReturnType<typeof createUpload>> | undefined
  let sending = Promise.resolve()
  try {
    for await (const { bytes, isLast } of rechunk(chunks, PART_BYTES)) {
      await sending
      if (isLast && !upload) {
        await requests.headers({ method: 'PUT', key, body: bytes })
        return
      }
      upload ??= await createUpload({ requests, key })
      sending = upload.sendPart(bytes)
      // Prevents an unhandled rejection before the error is thrown by the next await.
      sending.catch(() => {})
    }
    await sending
    await upload?.complete()
  } catch (error) {
    // A part that arrives after the abort would stay in the store.
    await Promise.allSettled([sending])
    await upload?.abort().catch(() => {})
    throw error
  }
}

async function createUpload({ requests, key }: Target) {
  const xml = await requests.xml({ method: 'POST', key, query: { uploads: '' } })
  const uploadId = requiredText(xml, 'UploadId')
  const etags: string[] = []
  let bytesSent = 0

  return {
    async sendPart(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
      const query = { partNumber: `${etags.length + 1}`, uploadId }
      const headers = await requests.headers({ method: 'PUT', key, query, body: bytes })
      etags.push(headers.get('etag') ?? '')
      bytesSent += bytes.length
    },

    async complete(): Promise<void> {
      const parts = etags.map((etag, index) => {
        return `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`
      })
      const completion = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
      const body = new TextEncoder().encode(completion)
      try {
        await requests.xml({ method: 'POST', key, query: { uploadId }, body })
      } catch (error) {
        // An earlier attempt may have completed the upload, and only its response was lost.
        if (!isMissing(error) || (await sizeOf({ requests, key })) !== bytesSent) throw error
      }
    },

    abort: () => abort({ requests, key, uploadId }),
  }
}

/** Does nothing if the upload was completed or aborted before. */
export async function abort({ requests, key, uploadId }: Target & { uploadId: string }): Promise<void> {
  await requests.headers({ method: 'DELETE', key, query: { uploadId } }).catch((error) => {
    if (!isMissing(error)) throw error
  })
}

/** Size in bytes; null if the key does not exist. */
export async function sizeOf({ requests, key }: Target): Promise<number | null> {
  try {
    const headers = await requests.headers({ method: 'HEAD', key })
    return Number(headers.get('content-length'))
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}
