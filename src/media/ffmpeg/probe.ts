import type { AudioInfo } from '../media.ts'
import { corrupt, empty, noAudioTrack, unsupportedSound, unsupportedType } from '../refusals.ts'
import { CONFINED, FORMATS, openCore } from './confinement.ts'
import { exitStatusOf } from './exit-status.ts'
import { INPUT, mountInput } from './input.ts'
import type { Input } from './reports.ts'

const MIN_SAMPLE_RATE = 4_000
const MAX_SAMPLE_RATE = 384_000
const MAX_CHANNELS = 16

/** Reads the headers of `input`. Throws `empty`, `unsupported_type`, `no_audio_track` or `corrupt`. */
export async function probe(module: WebAssembly.Module, input: Input): Promise<AudioInfo> {
  if (input.size === 0) throw empty()
  const { core, lines } = await openCore(module)
  mountInput(core.FS, input)
  exitStatusOf(() =>
    core.ffprobe(
      ...CONFINED,
      ...['-of', 'json', '-select_streams', 'a:0'],
      ...['-show_entries', 'format=format_name,duration:stream=codec_name,sample_rate,channels,duration'],
      INPUT,
    ),
  )
  return infoOf(lines)
}

/** ffprobe's JSON, whose numbers are partly strings. */
type Found = {
  format?: { format_name?: string; duration?: string }
  streams?: { codec_name?: string; sample_rate?: string; channels?: number; duration?: string }[]
}

export function infoOf(lines: { stdout: string[]; stderr: string[] }): AudioInfo {
  const { format, streams } = parsed(lines.stdout.join('\n'))
  if (!format?.format_name) throw lines.stderr.some(recognised) ? corrupt() : unsupportedType()
  const stream = streams?.[0]
  if (!stream) throw noAudioTrack()
  const sampleRate = Number(stream.sample_rate)
  const channels = stream.channels ?? 0
  if (!stream.codec_name || !(sampleRate > 0) || channels < 1) throw corrupt()
  if (sampleRate < MIN_SAMPLE_RATE || sampleRate > MAX_SAMPLE_RATE) {
    throw unsupportedSound('The sound must have between 4,000 and 384,000 samples a second.')
  }
  if (channels > MAX_CHANNELS) throw unsupportedSound('The sound must have at most 16 channels.')
  const claimed = Number(format.duration ?? stream.duration)
  return {
    container: format.format_name,
    codec: stream.codec_name,
    sampleRate,
    channels,
    claimedSeconds: claimed > 0 && Number.isFinite(claimed) ? claimed : null,
  }
}

function parsed(text: string): Found {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** A complaint by one of the allowed demuxers (`[mov,mp4,… @ 0x…] …`): the container was known, its content broken. */
function recognised(line: string): boolean {
  const speaker = /^\[([\w,]+) @ /.exec(line)?.[1]
  return speaker?.split(',').some((name) => FORMATS.includes(name)) ?? false
}
