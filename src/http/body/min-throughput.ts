import { VerbatimError } from '../../errors.ts'

/** How fast a sender must be at least: never silent for `idleMs`, and `leastBytes` in every `overMs` that it was waited for. */
export type MinThroughput = { idleMs: number; overMs: number; leastBytes: number }

/** 1 KiB/s: less than any line that audio is sent over, or any codec that it is sent in as it is spoken. */
export const MIN_THROUGHPUT: MinThroughput = { idleMs: 30_000, overMs: 60_000, leastBytes: 60 * 1024 }

/**
 * Waits for a sender's pieces and gives up one that is too slow: else a byte now and then would hold an upload for ever.
 * Only the time spent waiting for it counts, not that in which storage holds it back. Throws `upload_stalled`.
 */
export function withMinThroughput({ idleMs, overMs, leastBytes }: MinThroughput) {
  let waitedMs = 0
  let bytes = 0

  return async (reading: Promise<{ value?: Uint8Array | undefined }>): Promise<Uint8Array | undefined> => {
    const begun = performance.now()
    const silence = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => silence.reject(stalled(`Nothing of the upload came for ${secondsOf(idleMs)}`)),
      idleMs,
    )
    const { value } = await Promise.race([reading, silence.promise]).finally(() => clearTimeout(timer))
    waitedMs += performance.now() - begun
    bytes += value?.length ?? 0
    if (waitedMs < overMs) return value
    if (value && bytes < leastBytes) {
      throw stalled(`Only ${bytes} bytes of the upload came in ${secondsOf(waitedMs)}`)
    }
    waitedMs = 0
    bytes = 0
    return value
  }
}

const secondsOf = (ms: number) => `${Number((ms / 1000).toFixed(2))} seconds`

function stalled(message: string) {
  return new VerbatimError('upload_stalled', message)
}
