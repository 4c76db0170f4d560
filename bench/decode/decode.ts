// Takes one recording through probe and decode in a process that does nothing else, and says what that cost.
//
//   bun bench/decode/decode.ts AUDIO
import { readFile } from 'node:fs/promises'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'

export type Cost = {
  probeMs: number
  decodeMs: number
  /** Of sound that came out. */
  seconds: number
  /** Peak resident memory of the process, Workers included; NaN outside of Linux. */
  peakBytes: number
}

const [, , path = ''] = process.argv
const DAY_SECONDS = 24 * 3600

const media = ffmpegMedia({ concurrency: 1 })
const begun = performance.now()
await media.probe(path)
const probed = performance.now()
let bytes = 0
await media.decode({
  path,
  maxSeconds: DAY_SECONDS,
  async take({ pcm }) {
    bytes += pcm.length
  },
})
const decoded = performance.now()
await media.close()
const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
const cost: Cost = {
  probeMs: probed - begun,
  decodeMs: decoded - probed,
  seconds: bytes / BYTES_PER_SECOND,
  peakBytes: Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) * 1024,
}
console.log(JSON.stringify(cost))
