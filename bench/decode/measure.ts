// main.ts starts this script in a process that decodes one recording and does nothing else.
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { peakBytes } from '../shared/processes.ts'

export type Cost = { probeMs: number; decodeMs: number; audioSeconds: number; peakBytes: number }

const { path }: { path: string } = await Bun.stdin.json()
const media = ffmpegMedia({ concurrency: 1 })
const start = performance.now()
await media.probe(path)
const probed = performance.now()
let bytes = 0
await media.decode({
  path,
  maxSeconds: 24 * 3600,
  async take({ pcm }) {
    bytes += pcm.length
  },
})
const decoded = performance.now()
await media.close()
const cost: Cost = {
  probeMs: probed - start,
  decodeMs: decoded - probed,
  audioSeconds: bytes / BYTES_PER_SECOND,
  peakBytes: peakBytes(process.pid),
}
console.log(JSON.stringify(cost))
