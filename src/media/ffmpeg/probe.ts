import type { AudioInfo, Track } from '../media.ts'
import { corrupt, empty, noAudioTrack, trackOutside, unsupportedSound, unsupportedType } from '../refusals.ts'
import { CONFINED, FORMATS, openCore } from './confinement.ts'
import { exitStatusOf } from './exit-status.ts'
import { INPUT, mountInput } from './input.ts'
import type { Input } from './reports.ts'

const MIN_SAMPLE_RATE = 4_000
const MAX_SAMPLE_RATE = 384_000
const MAX_CHANNELS = 16

/**
 * Reads the headers of `input`. Throws `empty`, `unsupported_type`, `no_audio_track`, `track_outside` or
 * `corrupt`.
 */
export async function probe(
  module: WebAssembly.Module,
  { input, track }: { input: Input; track: number | null },
): Promise<AudioInfo> {
  if (input.size === 0) throw empty()
  const { core, lines } = await openCore(module)
  mountInput(core.FS, input)
  exitStatusOf(() =>
    core.ffprobe(
      ...CONFINED,
      '-of',
      'json',
      '-select_streams',
      'a',
      '-show_entries',
      'format=format_name,duration:stream=codec_name,sample_rate,channels,duration:stream_disposition=default:stream_tags=language,title',
      INPUT,
    ),
  )
  return infoOf(lines, track)
}

/** ffprobe's JSON. Some of its numbers are strings. */
type ProbeOutput = {
  format?: { format_name?: string; duration?: string }
  streams?: ProbedStream[]
}

type ProbedStream = {
  codec_name?: string
  sample_rate?: string
  channels?: number
  duration?: string
  disposition?: { default?: number }
  tags?: { language?: string; title?: string }
}

function infoOf(lines: { stdout: string[]; stderr: string[] }, requested: number | null): AudioInfo {
  const { format, streams } = parseOutput(lines.stdout.join('\n'))
  if (!format?.format_name) throw lines.stderr.some(isFromAllowedDemuxer) ? corrupt() : unsupportedType()
  const tracks = (streams ?? []).map(trackOf)
  const number = requested ?? tracks.find(({ isDefault }) => isDefault)?.number ?? 1
  const stream = streams?.[number - 1]
  if (tracks.length === 0) throw noAudioTrack()
  if (!stream) throw trackOutside({ track: number, count: tracks.length })
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
    track: number,
    tracks,
  }
}

function trackOf({ codec_name, channels, disposition, tags }: ProbedStream, index: number): Track {
  return {
    number: index + 1,
    codec: codec_name ?? 'unknown',
    channels: channels ?? 0,
    language: tags?.language ?? null,
    title: tags?.title ?? null,
    isDefault: disposition?.default === 1,
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
