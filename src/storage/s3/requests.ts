import { AwsV4Signer } from 'aws4fetch'
import { VerbatimError } from '../../errors.ts'
import { errorOf, isPassing } from './answer-error.ts'

export type BucketPlace = {
  bucket: string
  /** Of a store other than AWS; the bucket is then named in the path. */
  endpoint?: string | undefined
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined }
}

export type Ask = {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Without one the bucket itself is asked. */
  key?: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Uint8Array<ArrayBuffer>
}

/** Reads what is wanted of an answer. It is within the time and the tries, so what it read is whole. */
type Take<T> = (response: Response) => T | Promise<T>

export type Requests = ReturnType<typeof createRequests>

const ATTEMPTS = 5
const FIRST_PAUSE_MS = 100
/** Time to send a part over a slow line, and for the store to join many parts. */
const ANSWER_MS = { withBody: 300_000, without: 60_000 }
/** After so long a request is not tried again, however few tries there were. */
const GIVE_UP_MS = 60_000

/**
 * Signed requests to one bucket, by Web standards alone. What passes by itself (the network, a busy store) is tried
 * again for some seconds. They throw `storage_full`, `storage_unavailable` with its cause, and `AnswerError`.
 */
export function createRequests(place: BucketPlace) {
  const root = rootOf(place)
  const { accessKeyId, secretAccessKey, sessionToken } = place.credentials
  const signing = {
    ...{ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    ...{ service: 's3', region: place.region, cache: new Map<string, ArrayBuffer>() },
  }

  async function once<T>(
    { method, key, query, headers, body }: Ask,
    { bodyHash, take }: { bodyHash: string; take: Take<T> },
  ): Promise<T> {
    const url = `${root}${key === undefined ? '' : `/${key}`}${searchOf(query)}`
    const signed = await new AwsV4Signer({
      ...{ ...signing, method, url },
      headers: { ...headers, 'x-amz-content-sha256': bodyHash },
    }).sign()
    // Not signed, since proxies change it: what comes is to be as long as it is stored.
    signed.headers.set('accept-encoding', 'identity')
    const late = new AbortController()
    const timeout = body ? ANSWER_MS.withBody : ANSWER_MS.without
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeout / 1000} s`)), timeout)
    try {
      // What S3 says of a bucket in another region is worth more than where it points to.
      const init = { method, headers: signed.headers, signal: late.signal, redirect: 'manual' as const }
      const response = await fetch(signed.url, { ...init, ...(body && { body }) })
      if (!response.ok) throw errorOf(response.status, await response.text())
      return await take(response)
    } finally {
      clearTimeout(timer)
    }
  }

  async function asking<T>(ask: Ask, take: Take<T>): Promise<T> {
    const bodyHash = await sha256(ask.body ?? new Uint8Array())
    const begun = Date.now()
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(ask, { bodyHash, take })
      } catch (error) {
        const enough = attempt === ATTEMPTS || Date.now() - begun > GIVE_UP_MS
        if (!isPassing(error)) throw error
        if (enough) throw unavailable(error)
        await pause(FIRST_PAUSE_MS * 2 ** attempt * (0.5 + Math.random()))
      }
    }
  }

  return {
    /** An answer whose body is for the caller to read, or to cancel. */
    open: (ask: Ask) => asking(ask, (response) => response),

    /** The head of an answer. */
    head: (ask: Ask) =>
      asking(ask, async (response) => {
        await response.arrayBuffer()
        return response.headers
      }),

    /** The XML of an answer. Some requests are answered with 200 before they have failed: that is told as well. */
    xml: (ask: Ask) =>
      asking(ask, async (response) => {
        const body = await response.text()
        if (/<Error>/.test(body)) throw errorOf(500, body)
        return body
      }),
  }
}

function unavailable(cause: unknown) {
  return new VerbatimError('storage_unavailable', 'The storage cannot be reached now: try again', { cause })
}

function rootOf({ bucket, endpoint, region }: BucketPlace): string {
  if (endpoint) return `${endpoint}/${bucket}`
  // A dot in the bucket's name would not fit the certificate of *.s3.….amazonaws.com.
  return bucket.includes('.')
    ? `https://s3.${region}.amazonaws.com/${bucket}`
    : `https://${bucket}.s3.${region}.amazonaws.com`
}

function searchOf(query: Record<string, string> = {}): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
