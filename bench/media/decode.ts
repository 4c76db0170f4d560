// Takes one recording through probe and decode in a process that does nothing else, and says what that cost.
//
//   bun bench/media/decode.ts AUDIO PCM
import { readFile } from 'node:fs/promises'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { SAMPLE_RATE } from '../../src/media/media.ts'

export type Cost = {
  probeMs: number
  decodeMs: number
  /** Of sound that came out. */
  seconds: number
  /** Peak resident memory of the process, Workers included; NaN outside of Linux. */
  peakBytes: number
}

const [, , path = '', pcmPath = ''] = process.argv
const DAY_SECONDS = 24 * 3600

const media = ffmpegMedia({ concurrency: 1 })
const begun = performance.now()
await media.probe(path)
const probed = performance.now()
const { samples } = await media.decode({ path, pcmPath, maxSeconds: DAY_SECONDS })
const decoded = performance.now()
await media.close()
const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
const cost: Cost = {
  probeMs: probed - begun,
  decodeMs: decoded - probed,
  seconds: samples / SAMPLE_RATE,
  peakBytes: Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) * 1024,
}
console.log(JSON.stringify(cost))
