import { setTimeout as pause } from 'node:timers/promises'
import type { Engine, Segment } from '../../src/engines/engine.ts'
import { type Engines, withFailover } from '../../src/engines/failover.ts'
import { spanSeconds } from '../../src/engines/shared/span-result.ts'
import { SIDECAR_LIMITS } from '../../src/engines/sidecar/sidecar.ts'
import { BYTES_PER_SECOND, LEVEL_SECONDS, type Media } from '../../src/media/media.ts'
import type { Storage } from '../../src/storage/storage.ts'

const SEGMENT_SECONDS = 4
const SENTENCE = ' The old library stands beside the river.'
/** The duration of every simulated recording. */
export const CLIP_SECONDS = 8

const pcm = new Uint8Array(CLIP_SECONDS * BYTES_PER_SECOND)
const levels = new Uint8Array(CLIP_SECONDS / LEVEL_SECONDS)
const peaks = new Uint8Array((2 * CLIP_SECONDS) / LEVEL_SECONDS)

/** An engine with a sidecar's slots; each call takes `answerMs` and no CPU time. */
export function simulatedEngines(answerMs: number): Engines {
  const engine: Engine = {
    name: 'sidecar',
    ...SIDECAR_LIMITS,
    models: () => [],
    state: () => ({ ready: true, detail: 'simulated' }),
    async whenReady(signal) {
      signal.throwIfAborted()
    },
    async transcribe({ pcm, signal }) {
      await pause(answerMs, undefined, { signal })
      const seconds = spanSeconds(pcm, SIDECAR_LIMITS.maxSpanSeconds)
      const count = Math.ceil(seconds / SEGMENT_SECONDS)
      const segments = Array.from({ length: count }, (_, index) =>
        segmentAt(index * SEGMENT_SECONDS, seconds),
      )
      return { model: 'simulated', segments, detected: null }
    },
    async close() {},
  }
  return withFailover([engine])
}

function segmentAt(start: number, seconds: number): Segment {
  const end = Math.min(seconds, start + SEGMENT_SECONDS)
  const scores = { avgLogprob: -0.2, compressionRatio: 1.4, noSpeechProb: 0.01 }
  return { start, end, text: SENTENCE, language: 'en', ...scores, words: null }
}

/** Decodes every file to the silence of one clip, without delay. */
export const simulatedMedia: Media = {
  capacity: { short: 3, long: 4 },
  async probe() {
    return {
      container: 'wav',
      codec: 'pcm_s16le',
      sampleRate: 16_000,
      channels: 1,
      claimedSeconds: CLIP_SECONDS,
      track: 1,
      tracks: [],
    }
  },
  chooseTrack: async () => 1,
  async decode({ take }) {
    await take({ pcm, levels, peaks, isLast: true })
    return []
  },
  async close() {},
}

/** Discards what is written; every read returns the silence of one clip. */
export const simulatedStorage: Storage = {
  async write(_key, body) {
    let bytes = 0
    for await (const chunk of body) bytes += chunk.length
    return { bytes, sha256: '0'.repeat(64) }
  },
  async read(_key, { start, end } = { start: 0, end: pcm.length }) {
    return new Blob([pcm.subarray(start, end)]).stream()
  },
  async check() {},
  async size() {
    return pcm.length
  },
  async *list() {},
  async remove() {},
  async removeAbandoned() {
    return 0
  },
  withFile: (key, use) => use(key),
  withEnds: (key, use) => use(key, true),
}
