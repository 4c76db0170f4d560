import type { DecodedAudio } from '../media.ts'
import { CONFINED, openCore } from './confinement.ts'
import { exitStatusOf } from './exit-status.ts'
import { INPUT, mountInput } from './input.ts'
import { createPcmSink, mountOutput, OUTPUT } from './pcm-sink.ts'
import { probe } from './probe.ts'
import { corrupt } from './refusals.ts'
import type { Input } from './reports.ts'

const PROGRESS_EVERY_MS = 300

/** Up to 3.5 times faster than `-ac 1 -ar 16000`: the channels are mixed before the resampler, in its own format. */
const TO_PCM = 'aformat=sample_fmts=flt:channel_layouts=mono,aresample=16000'

const only = (channel: number) => `pan=mono|c0=c${channel}`

/** Writes the first audio track, or one channel of it, to `pcmFd`. Throws what `probe` throws, and `corrupt`, `too_long`, `storage_full`. */
export async function decode(options: {
  module: WebAssembly.Module
  input: Input
  pcmFd: number
  maxSeconds: number
  channel: number | null
  onProgress: (seconds: number) => void
}): Promise<DecodedAudio> {
  const { module, input, pcmFd, maxSeconds, channel } = options
  await probe(module, input)
  let reportedAt = performance.now()
  const sink = createPcmSink({
    fd: pcmFd,
    maxSeconds,
    onFlush(seconds) {
      if (performance.now() - reportedAt < PROGRESS_EVERY_MS) return
      reportedAt = performance.now()
      options.onProgress(seconds)
    },
  })
  const filter = channel === null ? TO_PCM : `${only(channel)},${TO_PCM}`
  const { core } = await openCore(module)
  mountInput(core.FS, input)
  mountOutput(core.FS, sink.write)
  const status = exitStatusOf(() =>
    core.exec(
      ...['-hide_banner', '-nostats', ...CONFINED, '-i', INPUT],
      ...['-map', '0:a:0', '-af', filter, '-f', 's16le', OUTPUT],
    ),
  )
  if (status !== 0) throw corrupt()
  const audio = sink.finish()
  // The exit status is 0 for a file of which nothing could be decoded, too.
  if (audio.samples === 0) throw corrupt()
  return audio
}
