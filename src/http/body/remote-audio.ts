import { VerbatimError } from '../../errors.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { bodyChunks, isCutShort } from './chunks.ts'
import { type Store, storeChunks } from './file-part.ts'
import type { MinThroughput } from './min-throughput.ts'
import { filenameIn } from './part-head.ts'

const MAX_REDIRECTS = 5
const HEADERS_TIMEOUT_MS = 30_000
/** For the whole download, also if it arrives steadily. */
const DOWNLOAD_TIMEOUT_MS = 6 * 3_600_000

/**
 * Downloads the audio at a URL into `store`, with the limits of a request body.
 *
 * Throws `url_refused`, `url_failed` (no response, a status other than 200, or a body that breaks off or
 * stalls), `too_large`, `incomplete_upload` (the client disconnected, so that `signal` fired), or what
 * `store` threw. When it throws, the stream that `store` reads has failed and `store` has settled.
 */
export async function readRemote<Stored>({
  url,
  urlName,
  outbound,
  maxBytes,
  tooLarge,
  pace,
  signal,
  store,
}: {
  url: string
  /** The name of the field with the URL, for errors. */
  urlName: string
  outbound: Outbound
  maxBytes: number
  tooLarge: () => VerbatimError
  pace: MinThroughput
  signal: AbortSignal
  store: Store<Stored>
}): Promise<{ filename: string | null; stored: Stored }> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)])
  try {
    const response = await outbound.request({
      method: 'GET',
      url,
      redirects: MAX_REDIRECTS,
      timeoutMs: HEADERS_TIMEOUT_MS,
      signal: until,
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new VerbatimError(
        'url_failed',
        `The host of ${urlName} responded with status ${response.status}; it must be 200`,
      )
    }
    const filename = filenameIn(response.headers.get('content-disposition') ?? '') ?? filenameOf(url)
    const chunks = bodyChunks({ message: response, maxBytes, tooLarge, pace })
    return { filename, stored: await storeChunks({ chunks, store }) }
  } catch (error) {
    if (signal.aborted)
      throw new VerbatimError('incomplete_upload', 'The client disconnected before the upload was complete', {
        cause: error,
      })
    throw isCutShort(error) ? cutShort(error, urlName) : error
  }
}

function cutShort(error: VerbatimError, urlName: string) {
  return new VerbatimError('url_failed', `The download of ${urlName} is incomplete: ${error.message}`, {
    cause: error,
  })
}

/** The decoded last segment of a URL's path. */
function filenameOf(url: string): string | null {
  const name = URL.parse(url)?.pathname.split('/').at(-1)
  try {
    return name ? decodeURIComponent(name) : null
  } catch {
    return null
  }
}
