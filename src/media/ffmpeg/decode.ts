import type { PcmPiece } from '../media.ts'
import { corrupt } from '../refusals.ts'
import { CONFINED, openCore } from './confinement.ts'
import { exitStatusOf } from './exit-status.ts'
import { INPUT, mountInput } from './input.ts'
import { createPcmSink, mountOutput, OUTPUT } from './pcm-sink.ts'
import { probe } from './probe.ts'
import type { Input } from './reports.ts'

/** Up to 3.5 times faster than `-ac 1 -ar 16000`: the channels are mixed before the resampler, in its own format. */
const TO_PCM = 'aformat=sample_fmts=flt:channel_layouts=mono,aresample=16000'

const only = (channel: number) => `pan=mono|c0=c${channel}`

/** Gives the first audio track, or one channel of it, in pieces. Throws what `probe` throws, and `corrupt`, `too_long`. */
export async function decode({
  module,
  input,
  maxSeconds,
  channel,
  give,
}: {
  module: WebAssembly.Module
  input: Input
  maxSeconds: number
  channel: number | null
  give: (piece: PcmPiece) => void
}): Promise<void> {
  await probe(module, input)
  const sink = createPcmSink({ maxSeconds, give })
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
  // The exit status is 0 for a file of which nothing could be decoded, too.
  if (status !== 0 || !sink.finish()) throw corrupt()
}
