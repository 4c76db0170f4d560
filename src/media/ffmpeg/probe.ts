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
      '-of',
      'json',
      '-select_streams',
      'a:0',
      '-show_entries',
      'format=format_name,duration:stream=codec_name,sample_rate,channels,duration',
      INPUT,
    ),
  )
  return infoOf(lines)
}

/** ffprobe's JSON. Some of its numbers are strings. */
type ProbeOutput = {
  format?: { format_name?: string; duration?: string }
  streams?: { codec_name?: string; sample_rate?: string; channels?: number; duration?: string }[]
}

function infoOf(lines: { stdout: string[]; stderr: string[] }): AudioInfo {
  const { format, streams } = parseOutput(lines.stdout.join('\n'))
  if (!format?.format_name) throw lines.stderr.some(isFromAllowedDemuxer) ? corrupt() : unsupportedType()
  const stream = streams?.[0]
  if (!stream) throw noAudioTrack()
  const sampleRate = Number(stream.sample_rate)
  const channels = stream.channels ?? 0
  if (!stream.codec_name || !(sampleRate > 0) || channels < 1) throw corrupt()
  if (sampleRate < MIN_SAMPLE_RATE || sampleRate > MAX_SAMPLE_RATE) {
    throw unsupportedSound('The sample rate must be from 4,000 to 384,000 Hz.')
  }
  if (channels > MAX_CHANNELS) throw unsupportedSound('The recording must have at most 16 channels.')
  const claimed = Number(format.duration ?? stream.duration)
  return {
    container: format.format_name,
    codec: stream.codec_name,
    sampleRate,
    channels,
    claimedSeconds: claimed > 0 && Number.isFinite(claimed) ? claimed : null,
  }
}

function parseOutput(text: string): ProbeOutput {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/**
 * Whether an allowed demuxer wrote this line (`[mov,mp4,… @ 0x…] …`): the container is known, its content
 * corrupt.
 */
function isFromAllowedDemuxer(line: string): boolean {
  const demuxers = /^\[([\w,]+) @ /.exec(line)?.[1]
  return demuxers?.split(',').some((name) => FORMATS.includes(name)) ?? false
}
