import type { S3Requests } from './requests.ts'
import { elements, requiredText } from './xml.ts'

type Listing = { requests: S3Requests; prefix: string; pageSize: number }

/** The bucket's keys that begin with `prefix`, in alphabetical order. */
export async function* listObjects({ requests, prefix, pageSize }: Listing) {
  let marker: Record<string, string> = {}
  for (;;) {
    const query = { 'list-type': '2', prefix, 'max-keys': `${pageSize}`, ...marker }
    const xml = await requests.xml({ method: 'GET', query })
    for (const object of elements(xml, 'Contents')) {
      const modifiedAt = new Date(requiredText(object, 'LastModified'))
      yield { key: requiredText(object, 'Key'), modifiedAt }
    }
    if (!isTruncated(xml)) return
    marker = { 'continuation-token': requiredText(xml, 'NextContinuationToken') }
  }
}

export type MultipartUpload = { key: string; uploadId: string; startedAt: Date }

/** Multipart uploads that are neither complete nor aborted. */
export async function* listUploads({ requests, prefix, pageSize }: Listing): AsyncGenerator<MultipartUpload> {
  let marker: Record<string, string> = {}
  for (;;) {
    const query = { uploads: '', prefix, 'max-uploads': `${pageSize}`, ...marker }
    const xml = await requests.xml({ method: 'GET', query })
    for (const upload of elements(xml, 'Upload')) {
      const key = requiredText(upload, 'Key')
      const startedAt = new Date(requiredText(upload, 'Initiated'))
      // Some stores ignore the prefix here.
      if (key.startsWith(prefix)) yield { key, uploadId: requiredText(upload, 'UploadId'), startedAt }
    }
    if (!isTruncated(xml)) return
    marker = {
      'key-marker': requiredText(xml, 'NextKeyMarker'),
      'upload-id-marker': requiredText(xml, 'NextUploadIdMarker'),
    }
  }
}

/** When the latest part of an upload was stored, or the upload began. */
export async function latestActivity({
  requests,
  upload,
}: {
  requests: S3Requests
  upload: MultipartUpload
}): Promise<Date> {
  const { key, uploadId, startedAt } = upload
  let latest = startedAt
  let marker: Record<string, string> = {}
  for (;;) {
    const xml = await requests.xml({ method: 'GET', key, query: { uploadId, ...marker } })
    for (const part of elements(xml, 'Part')) {
      const storedAt = new Date(requiredText(part, 'LastModified'))
      if (storedAt > latest) latest = storedAt
    }
    if (!isTruncated(xml)) return latest
    marker = { 'part-number-marker': requiredText(xml, 'NextPartNumberMarker') }
  }
}

function isTruncated(xml: string): boolean {
  return /<IsTruncated>\s*true\s*</.test(xml)
}
