import { VerbatimError } from '../../errors.ts'

/**
 * The minimum speed of a sender: never silent for `idleMs`, and `leastBytes` in every `overMs` spent waiting
 * for it.
 */
export type MinThroughput = { idleMs: number; overMs: number; leastBytes: number }

/** 1 KiB/s: slower than any usable connection, and than the bit rate of any live audio. */
export const MIN_THROUGHPUT: MinThroughput = { idleMs: 30_000, overMs: 60_000, leastBytes: 60 * 1024 }

/**
 * Returns a function that waits for a sender's next chunk and rejects a sender that is too slow, which could
 * otherwise keep an upload open forever. Only the time spent waiting for the sender counts, not the time that
 * storage takes. Throws `upload_stalled`.
 */
export function withMinThroughput({ idleMs, overMs, leastBytes }: MinThroughput) {
  let waitedMs = 0
  let bytes = 0

  return async (reading: Promise<{ value?: Uint8Array | undefined }>): Promise<Uint8Array | undefined> => {
    const startedAt = performance.now()
    const idle = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => idle.reject(stalled(`The upload stalled: no data arrived for ${secondsOf(idleMs)}`)),
      idleMs,
    )
    const { value } = await Promise.race([reading, idle.promise]).finally(() => clearTimeout(timer))
    waitedMs += performance.now() - startedAt
    bytes += value?.length ?? 0
    if (waitedMs < overMs) return value
    if (value && bytes < leastBytes) {
      throw stalled(`The upload is too slow: only ${bytes} bytes arrived in ${secondsOf(waitedMs)}`)
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
