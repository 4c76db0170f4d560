import { AwsV4Signer } from 'aws4fetch'
import { deadline, sleep } from '../../async.ts'
import { sha256Hex } from '../../crypto.ts'
import { VerbatimError } from '../../errors.ts'
import { readTextUpTo } from '../../read-body.ts'
import { isTransient, S3Error, s3Error } from './s3-error.ts'

export type Bucket = {
  bucket: string
  /** URL of a store other than AWS. The bucket's name is then part of the path. */
  endpoint?: string | undefined
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined }
}

export type S3Request = {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Without a key the request goes to the bucket itself. */
  key?: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Uint8Array<ArrayBuffer>
}

/** Runs within the attempt and its deadline, so that a response that breaks off is requested again. */
type ReadResponse<T> = (response: Response) => T | Promise<T>

export type S3Requests = ReturnType<typeof createS3Requests>

const ATTEMPTS = 5
const FIRST_PAUSE_MS = 100
/** Time to send a part over a slow line, and for the store to join many parts. */
const RESPONSE_SECONDS = { withBody: 300, withoutBody: 60 }
/** No attempt starts after this time. */
const LAST_ATTEMPT_MS = 60_000
/** An error needs about 1 KiB. */
const MAX_ERROR_BYTES = 64 * 1024
/** A listing of 1,000 keys of at most 1,024 bytes each needs less than 2 MiB. */
const MAX_XML_BYTES = 8 * 2 ** 20

/**
 * Signed requests to one bucket, with Web standards only. Network errors and errors of a busy store are
 * retried for up to a minute. Throws `storage_full`, `storage_unavailable` with its cause, and `S3Error`.
 */
export function createS3Requests(bucket: Bucket) {
  const root = rootOf(bucket)
  const { accessKeyId, secretAccessKey, sessionToken } = bucket.credentials
  const signing = {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken && { sessionToken }),
    service: 's3',
    region: bucket.region,
    cache: new Map<string, ArrayBuffer>(),
  }

  async function attempt<T>(
    { method, key, query, headers, body }: S3Request,
    { bodyHash, read }: { bodyHash: string; read: ReadResponse<T> },
  ): Promise<T> {
    const signed = await new AwsV4Signer({
      ...signing,
      method,
      url: `${root}${key === undefined ? '' : `/${key}`}${searchOf(query)}`,
      headers: { ...headers, 'x-amz-content-sha256': bodyHash },
    }).sign()
    // Asks for the stored bytes. Not signed, because proxies change this header.
    signed.headers.set('accept-encoding', 'identity')
    using limit = deadline(body ? RESPONSE_SECONDS.withBody : RESPONSE_SECONDS.withoutBody)
    const response = await fetch(signed.url, {
      method,
      headers: signed.headers,
      signal: limit.signal,
      // The redirect of a bucket in another region has a body that names the mistake.
      redirect: 'manual',
      ...(body && { body }),
    })
    if (!response.ok) {
      const { text } = await readTextUpTo(response, MAX_ERROR_BYTES)
      throw s3Error(response.status, text)
    }
    return await read(response)
  }

  async function send<T>(request: S3Request, read: ReadResponse<T>): Promise<T> {
    const bodyHash = await sha256Hex(request.body ?? new Uint8Array())
    const startedAt = Date.now()
    for (let attempts = 1; ; attempts++) {
      try {
        return await attempt(request, { bodyHash, read })
      } catch (error) {
        if (!isTransient(error)) throw error
        if (attempts === ATTEMPTS || Date.now() - startedAt > LAST_ATTEMPT_MS) throw unavailable(error)
        await sleep(FIRST_PAUSE_MS * 2 ** attempts * (0.5 + Math.random()))
      }
    }
  }

  return {
    /** A response whose body the caller must read or cancel. */
    open: (request: S3Request) => send(request, (response) => response),

    /** The headers of a response. */
    headers: (request: S3Request) =>
      send(request, async (response) => {
        await readTextUpTo(response, MAX_ERROR_BYTES)
        return response.headers
      }),

    /** The XML of a response. S3 may send status 200 before a request fails, and the error in the body. */
    xml: (request: S3Request) =>
      send(request, async (response) => {
        const { text, isWhole } = await readTextUpTo(response, MAX_XML_BYTES)
        if (/<Error>/.test(text)) throw s3Error(500, text)
        if (isWhole) return text
        const message = `the response is larger than ${MAX_XML_BYTES} bytes`
        throw new S3Error({ status: response.status, code: 'ResponseTooLarge', message })
      }),
  }
}

function unavailable(cause: unknown) {
  return new VerbatimError('storage_unavailable', 'The storage cannot be reached now: try again', { cause })
}

function rootOf({ bucket, endpoint, region }: Bucket): string {
  if (endpoint) return `${endpoint}/${bucket}`
  // The certificate of *.s3.….amazonaws.com does not cover a bucket name with a dot.
  return bucket.includes('.')
    ? `https://s3.${region}.amazonaws.com/${bucket}`
    : `https://${bucket}.s3.${region}.amazonaws.com`
}

function searchOf(query: Record<string, string> = {}): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}
