import { basename } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { UploadRequest } from './entries.ts'

/** The size of a chunk with `Transfer-Encoding: chunked`. */
const CHUNK_BYTES = 16_384

export type Target = { url: string; headers: Record<string, string> }

/** Uploads a file; returns the response to its last byte. */
export async function send(target: Target, request: UploadRequest): Promise<Response> {
  const bytes = await Bun.file(request.file).bytes()
  if (request.endpoint === 'tus') return sendResumable(target, request, bytes)
  if (request.endpoint === 'raw') return sendRaw(target, request, bytes)
  const isV1 = request.endpoint === 'v1'
  const path = request.path ?? (isV1 ? '/v1/audio/transcriptions' : '/api/transcribe')
  const headers = { ...target.headers, ...request.headers }
  if (request.endpoint === 'body') {
    if (request.content_type) headers['Content-Type'] = request.content_type
    return fetch(target.url + path, { method: request.method ?? 'POST', headers, body: bytes })
  }
  const body = new FormData()
  for (const [name, value] of valuesOf(request)) body.append(name, value)
  const file = new File([bytes], request.filename ?? basename(request.file), {
    type: request.content_type ?? '',
  })
  body.append(isV1 ? 'file' : 'audio', file)
  return fetch(target.url + path, { method: request.method ?? 'POST', headers, body })
}

function valuesOf({ fields }: UploadRequest): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map((text): [string, string] => [name, text]),
  )
}

function sendRaw(target: Target, request: UploadRequest, bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
  const { 'Transfer-Encoding': transfer, ...more } = request.headers ?? {}
  const headers: Record<string, string> = { ...target.headers, ...more }
  if (request.content_type) headers['Content-Type'] = request.content_type
  const sent = more['Content-Encoding'] === 'gzip' ? gzipSync(bytes) : bytes
  const body = transfer === 'chunked' ? chunksOf(sent) : sent
  const query = new URLSearchParams(valuesOf(request))
  const url = `${target.url}${request.path ?? '/api/transcribe'}?${query}`
  return fetch(url, { method: request.method ?? 'POST', headers, body })
}

/** Bun sends a Content-Length if it has the whole body at once. */
function chunksOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let offset = 0
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(0)
      controller.enqueue(bytes.subarray(offset, offset + CHUNK_BYTES))
      offset += CHUNK_BYTES
      if (offset >= bytes.length) controller.close()
    },
  })
}

/** Creates a resumable upload (tus 1.0.0), and sends it in requests of `chunk` bytes. */
async function sendResumable(
  target: Target,
  request: UploadRequest,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const values: [string, string][] = [
    ['filename', request.filename ?? basename(request.file)],
    ...valuesOf(request),
  ]
  const metadata = values.map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
  const common = { ...target.headers, ...request.headers, 'Tus-Resumable': '1.0.0' }
  const created = await fetch(`${target.url}${request.path ?? '/api/uploads'}`, {
    method: 'POST',
    headers: { ...common, 'Upload-Length': String(bytes.length), 'Upload-Metadata': metadata.join(',') },
  })
  const location = created.headers.get('Location')
  if (!location) return created
  const chunk = request.chunk ?? Math.max(1, bytes.length)
  let last = created
  for (let offset = 0; offset < bytes.length && last.ok; offset += chunk) {
    last = await fetch(new URL(location, target.url), {
      method: 'PATCH',
      headers: {
        ...common,
        'Content-Type': 'application/offset+octet-stream',
        'Upload-Offset': String(offset),
      },
      body: bytes.slice(offset, offset + chunk),
    })
  }
  return last
}
