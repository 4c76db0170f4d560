import { rechunk } from '../rechunk.ts'
import { isMissing } from './answer-error.ts'
import type { Requests } from './requests.ts'
import { escaped, requiredText } from './xml.ts'

/** Stores take 5 MiB and more, all parts but the last of one size, and 10,000 of them: 80 GiB in all. */
const PART_BYTES = 8 * 2 ** 20

type Target = { requests: Requests; key: string }

/**
 * Puts a stream under a key: in one request where it fits into one part, else part by part, one on its way while
 * the next is gathered. When it fails, the upload is aborted.
 */
export async function putStream({ requests, key, chunks }: Target & { chunks: AsyncIterable<Uint8Array> }) {
  let upload: Awaited<ReturnType<typeof begin>> | undefined
  let sending = Promise.resolve()
  try {
    for await (const { bytes, last } of rechunk(chunks, PART_BYTES)) {
      await sending
      if (last && !upload) {
        await requests.head({ method: 'PUT', key, body: bytes })
        return
      }
      upload ??= await begin({ requests, key })
      sending = upload.send(bytes)
      // It is thrown where it is awaited; until then no one else is to hear of it.
      sending.catch(() => {})
    }
    await sending
    await upload?.complete()
  } catch (error) {
    // A part that came in after the abort would stay.
    await Promise.allSettled([sending])
    await upload?.abort().catch(() => {})
    throw error
  }
}

async function begin({ requests, key }: Target) {
  const begun = await requests.xml({ method: 'POST', key, query: { uploads: '' } })
  const uploadId = requiredText(begun, 'UploadId')
  const etags: string[] = []
  let sent = 0

  return {
    async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
      const query = { partNumber: `${etags.length + 1}`, uploadId }
      const headers = await requests.head({ method: 'PUT', key, query, body: bytes })
      etags.push(headers.get('etag') ?? '')
      sent += bytes.length
    },

    async complete(): Promise<void> {
      const parts = etags.map((etag, at) => {
        return `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`
      })
      const xml = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
      const body = new TextEncoder().encode(xml)
      try {
        await requests.xml({ method: 'POST', key, query: { uploadId }, body })
      } catch (error) {
        // An earlier try may have got through while its answer was lost.
        if (!isMissing(error) || (await sizeOf({ requests, key })) !== sent) throw error
      }
    },

    abort: () => abort({ requests, key, uploadId }),
  }
}

/** What is complete or gone already stays so. */
export async function abort({ requests, key, uploadId }: Target & { uploadId: string }): Promise<void> {
  await requests.head({ method: 'DELETE', key, query: { uploadId } }).catch((error) => {
    if (!isMissing(error)) throw error
  })
}

/** In bytes; null where there is no such key. */
export async function sizeOf({ requests, key }: Target): Promise<number | null> {
  try {
    const headers = await requests.head({ method: 'HEAD', key })
    return Number(headers.get('content-length'))
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}
