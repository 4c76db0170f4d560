import type { Requests } from './requests.ts'
import { elements, requiredText } from './xml.ts'

type Page = { requests: Requests; prefix: string; size: number }

/** The bucket's keys that begin with `prefix`, in their order, `size` of them asked for at a time. */
export async function* listObjects({ requests, prefix, size }: Page) {
  let next: Record<string, string> = {}
  for (;;) {
    const query = { 'list-type': '2', prefix, 'max-keys': `${size}`, ...next }
    const xml = await requests.xml({ method: 'GET', query })
    for (const object of elements(xml, 'Contents')) {
      const modifiedAt = new Date(requiredText(object, 'LastModified'))
      yield { key: requiredText(object, 'Key'), modifiedAt }
    }
    if (!isCut(xml)) return
    next = { 'continuation-token': requiredText(xml, 'NextContinuationToken') }
  }
}

export type Upload = { key: string; uploadId: string; startedAt: Date }

/** Multipart uploads that are neither complete nor aborted. */
export async function* listUploads({ requests, prefix, size }: Page): AsyncGenerator<Upload> {
  let next: Record<string, string> = {}
  for (;;) {
    const query = { uploads: '', prefix, 'max-uploads': `${size}`, ...next }
    const xml = await requests.xml({ method: 'GET', query })
    for (const upload of elements(xml, 'Upload')) {
      const key = requiredText(upload, 'Key')
      const startedAt = new Date(requiredText(upload, 'Initiated'))
      // Not every store heeds the prefix here.
      if (key.startsWith(prefix)) yield { key, uploadId: requiredText(upload, 'UploadId'), startedAt }
    }
    if (!isCut(xml)) return
    next = {
      'key-marker': requiredText(xml, 'NextKeyMarker'),
      'upload-id-marker': requiredText(xml, 'NextUploadIdMarker'),
    }
  }
}

/** When an upload's latest part came in, or it began. */
export async function lastSign({ requests, upload }: { requests: Requests; upload: Upload }): Promise<Date> {
  const { key, uploadId, startedAt } = upload
  let latest = startedAt
  let next: Record<string, string> = {}
  for (;;) {
    const xml = await requests.xml({ method: 'GET', key, query: { uploadId, ...next } })
    for (const part of elements(xml, 'Part')) {
      const storedAt = new Date(requiredText(part, 'LastModified'))
      if (storedAt > latest) latest = storedAt
    }
    if (!isCut(xml)) return latest
    next = { 'part-number-marker': requiredText(xml, 'NextPartNumberMarker') }
  }
}

function isCut(xml: string): boolean {
  return /<IsTruncated>\s*true\s*</.test(xml)
}
