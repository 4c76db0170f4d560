import type { Warning } from '../../warnings.ts'
import type { PcmPiece } from '../media.ts'
import { corrupt, noSound } from '../refusals.ts'
import { CLOCK_FILTER, createClockReader } from './clock.ts'
import { CONFINED, type OpenCore, openCore } from './confinement.ts'
import { exitStatusOf } from './exit-status.ts'
import { INPUT, mountInput } from './input.ts'
import { createPcmSink, mountOutput, OUTPUT } from './pcm-sink.ts'
import { type Probed, probe } from './probe.ts'
import { openRecording, type Recording } from './recording.ts'
import type { Input } from './reports.ts'
import { createSampleChain, type SampleChain } from './sample-chain.ts'
import { isTruncated, lengthWarning } from './stated-length.ts'
import { createTimeline } from './timeline.ts'

/** A file without sound that is larger has more than a header. */
const MAX_HEADER_BYTES = 64 * 1024

/**
 * From this rate on, a filter of a third of the default length, since its cost grows with the rate. The lower
 * `kaiser_beta` makes up for it: up to 6 kHz the loss is below 0.5 dB, and above 10 kHz less than −54 dB remain.
 */
const HIGH_RATE = 32_000
const SHORT_FILTER = ':filter_size=12:kaiser_beta=5'

const resampleFrom = (rate: number) => `aresample=16000:osf=flt${rate >= HIGH_RATE ? SHORT_FILTER : ''}`

const only = (channel: number) => `pan=mono|c0=c${channel}`

type DecodeOptions = {
  maxSeconds: number
  channel: number | null
  onPiece: (piece: PcmPiece) => void
}

/** A recording whose headers were read, and the decoder that has read them. */
export type Opened = { module: WebAssembly.Module; recording: Recording; probing: OpenCore; probed: Probed }

/** Reads the headers of a file. Throws the errors of `probe`. */
export async function openInput({
  module,
  input,
  track,
}: {
  module: WebAssembly.Module
  input: Input
  track: number | null
}): Promise<Opened> {
  const recording = openRecording(input)
  const probing = await openCore(module)
  return { module, recording, probing, probed: await probe(probing, { recording, track }) }
}

/**
 * Decodes an audio track, or one channel of it, into pieces at the times of a player. Returns what is missing
 * or doubtful. Throws `corrupt` and `too_long`.
 */
export async function decode(
  { module, recording, probing, probed }: Opened,
  { maxSeconds, channel, onPiece }: DecodeOptions,
): Promise<Warning[]> {
  const sink = createPcmSink({ maxSeconds, onPiece })
  const timeline = createTimeline({
    start: probed.start,
    write: (samples) => sink.write(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)),
  })
  const chain = createSampleChain({
    channels: channel === null ? probed.info.channels : 1,
    layout: probed.layout,
    write: timeline.push,
  })
  const clock = createClockReader(timeline.change)
  const { core, lines, listen } = probed.isCoreIntact ? probing : await openAgain(module, recording)
  listen(clock.read)
  mountOutput(core.FS, chain.write)
  const filters = [
    CLOCK_FILTER,
    ...(channel === null ? [] : [only(channel)]),
    resampleFrom(probed.info.sampleRate),
  ]
  const status = exitStatusOf(() =>
    core.exec(
      '-hide_banner',
      '-nostats',
      ...CONFINED,
      // Without it, ffmpeg corrects timestamps by rules of its own, which differ between formats.
      '-copyts',
      '-i',
      INPUT,
      '-map',
      `0:a:${probed.info.track - 1}`,
      '-af',
      filters.join(','),
      '-f',
      'f32le',
      OUTPUT,
    ),
  )
  // The exit status is also 0 if nothing could be decoded.
  if (status !== 0) throw corrupt()
  chain.finish()
  timeline.finish()
  if (timeline.seconds() === 0) {
    const isHeader = recording.source.size <= MAX_HEADER_BYTES && lines.stderr.length === 0
    throw isHeader ? noSound() : corrupt()
  }
  const length = lengthWarning(recording, { probed, timeline, lines: lines.stderr })
  if (probed.hasVideo && !isTruncated(length)) timeline.extendTo(probed.playerSeconds ?? 0)
  if (!sink.finish()) throw corrupt()
  return [length, ...gapWarnings(timeline.omitted()), ...soundWarnings(chain, probed)].filter(
    (warning) => warning !== null,
  )
}

async function openAgain(module: WebAssembly.Module, { source }: Recording): Promise<OpenCore> {
  const opened = await openCore(module)
  mountInput(opened.core.FS, source)
  return opened
}

function gapWarnings(omitted: readonly number[]): Warning[] {
  if (omitted.length === 0) return []
  const hours = omitted.reduce((sum, seconds) => sum + seconds, 0) / 3_600
  return [
    {
      code: 'gap_shortened',
      message: `The timestamps of the file skip ${hours.toFixed(1)} hours without sound, which were left out: later times are earlier than in a player.`,
    },
  ]
}

function soundWarnings(chain: SampleChain, { info }: Probed): Warning[] {
  const warnings: Warning[] = []
  const inverted = chain.inverted().map((channel) => channel + 1)
  if (inverted.length > 0) {
    const names = inverted.length === 1 ? `Channel ${inverted[0]}` : `Channels ${inverted.join(', ')}`
    const verb = inverted.length === 1 ? 'has' : 'have'
    warnings.push({
      code: 'inverted_channel',
      message: `${names} of ${info.channels} ${verb} the opposite polarity of another one, and would cancel it. It was turned before the channels were mixed.`,
    })
  }
  if (chain.isClipped()) {
    warnings.push({
      code: 'clipped',
      message:
        'The recording level was too high: the loudest sounds are cut off, and words in them may be wrong.',
    })
  }
  return warnings
}
