import { VerbatimError } from '../../errors.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { bodyChunks, isCutShort } from './chunks.ts'
import { type Store, streamed } from './file-part.ts'
import type { MinThroughput } from './min-throughput.ts'
import { filenameIn } from './part-head.ts'

const REDIRECTS = 5
const HEAD_MS = 30_000
/** However steadily it comes. */
const WHOLE_MS = 6 * 3_600_000

/**
 * Brings the audio at a URL to `store`, as it arrives and with the limits of what a client sends itself.
 *
 * Throws `url_refused`, `url_failed` (no answer, none that is well, or one that breaks off or stalls), `too_large`,
 * `incomplete_upload` (the client left, whose `signal` fired), or what `store` threw, as `readUpload` does.
 */
export async function readRemote<Stored>({
  url,
  outbound,
  maxBytes,
  tooLarge,
  pace,
  signal,
  store,
}: {
  url: string
  outbound: Outbound
  maxBytes: number
  tooLarge: () => VerbatimError
  pace: MinThroughput
  signal: AbortSignal
  store: Store<Stored>
}): Promise<{ filename: string | null; stored: Stored }> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(WHOLE_MS)])
  try {
    const answer = await outbound.request({
      method: 'GET',
      url,
      redirects: REDIRECTS,
      timeoutMs: HEAD_MS,
      signal: until,
    })
    if (answer.status !== 200) {
      await answer.body?.cancel()
      throw new VerbatimError('url_failed', `The host of audio_url answered with ${answer.status}`)
    }
    const filename = filenameIn(answer.headers.get('content-disposition') ?? '') ?? lastOf(url)
    const pieces = bodyChunks({ message: answer, maxBytes, tooLarge, pace })
    return { filename, stored: await streamed({ pieces, store }) }
  } catch (error) {
    if (signal.aborted) throw new VerbatimError('incomplete_upload', 'The client left', { cause: error })
    throw isCutShort(error) ? cutShort(error) : error
  }
}

function cutShort(error: VerbatimError) {
  return new VerbatimError('url_failed', `The audio of audio_url did not come whole: ${error.message}`, {
    cause: error,
  })
}

/** The last part of a URL's path, as file names stand there. */
function lastOf(url: string): string | null {
  const name = URL.parse(url)?.pathname.split('/').at(-1)
  try {
    return name ? decodeURIComponent(name) : null
  } catch {
    return null
  }
}
