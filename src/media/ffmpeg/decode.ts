import type { Warning } from '../../warnings.ts'
import type { PcmPiece } from '../media.ts'
import { corrupt } from '../refusals.ts'
import { CONFINED, openCore } from './confinement.ts'
import { exitStatusOf } from './exit-status.ts'
import { INPUT, mountInput } from './input.ts'
import { createPcmSink, mountOutput, OUTPUT } from './pcm-sink.ts'
import { probe } from './probe.ts'
import type { Input } from './reports.ts'

/**
 * Up to 3.5 times as fast as `-ac 1 -ar 16000`: mixes the channels before the resampler, in its sample
 * format.
 */
const TO_PCM = 'aformat=sample_fmts=flt:channel_layouts=mono,aresample=16000'

const panTo = (channel: number) => `pan=mono|c0=c${channel}`

/**
 * Decodes an audio track, or one channel of it, into pieces. Throws the errors of `probe`, and
 * `too_long`.
 */
export async function decode({
  module,
  input,
  maxSeconds,
  track,
  channel,
  onPiece,
}: {
  module: WebAssembly.Module
  input: Input
  track: number | null
  maxSeconds: number
  channel: number | null
  onPiece: (piece: PcmPiece) => void
}): Promise<Warning[]> {
  const info = await probe(module, { input, track })
  const sink = createPcmSink({ maxSeconds, onPiece })
  const filter = channel === null ? TO_PCM : `${panTo(channel)},${TO_PCM}`
  const { core } = await openCore(module)
  mountInput(core.FS, input)
  mountOutput(core.FS, sink.write)
  const status = exitStatusOf(() =>
    core.exec(
      '-hide_banner',
      '-nostats',
      ...CONFINED,
      '-i',
      INPUT,
      '-map',
      `0:a:${info.track - 1}`,
      '-af',
      filter,
      '-f',
      's16le',
      OUTPUT,
    ),
  )
  // The exit status is also 0 if nothing could be decoded.
  if (status !== 0 || !sink.finish()) throw corrupt()
  return []
}
