import type { AudioInfo, Track } from '../media.ts'
import {
  corrupt,
  empty,
  noAudioTrack,
  noSound,
  trackOutside,
  unfinished,
  unsupportedSound,
  unsupportedType,
} from '../refusals.ts'
import { CONFINED, FORMATS, type OpenCore } from './confinement.ts'
import { exitStatusOf } from './exit-status.ts'
import { INPUT, mountInput } from './input.ts'
import type { Recording } from './recording.ts'
import { bytesAt } from './source.ts'

const MIN_SAMPLE_RATE = 4_000
const MAX_SAMPLE_RATE = 384_000
const MAX_CHANNELS = 64
const SIGNATURE_BYTES = 64 * 1024
/** Below it, ffprobe has guessed the format: raw codecs look like other bytes. The highest is 100. */
const SURE_SCORE = 50

/** What decoding needs to know beside the facts for the API. Times in seconds. */
export type Probed = {
  info: AudioInfo
  /** The timestamp at which a player starts. */
  start: number
  /** The time at which a player ends; null if the file does not state it. */
  playerSeconds: number | null
  /** The time at which the track ends, as the file states it; null if it does not. */
  trackSeconds: number | null
  hasVideo: boolean
  /** The channel layout that the track declares; null if it declares none. */
  layout: string | null
  /** The probe ended without a trap: the same decoder can read the file again. */
  isCoreIntact: boolean
}

/**
 * Reads the headers of a recording, which becomes the decoder's input. Throws `empty`, `unsupported_type`, `no_audio_track`, `track_outside` or
 * `corrupt`.
 */
export async function probe(
  { core, lines }: OpenCore,
  { recording, track }: { recording: Recording; track: number | null },
): Promise<Probed> {
  const { source, wav } = recording
  if (source.size === 0) throw empty()
  if (wav?.seconds === 0) throw noSound()
  mountInput(core.FS, source)
  const status = exitStatusOf(() => {
    core.ffprobe(
      ...CONFINED,
      '-of',
      'json',
      '-show_entries',
      [
        'format=format_name,duration,start_time,probe_score',
        'stream=codec_type,codec_name,sample_rate,channels,channel_layout,duration,start_time',
        'stream_disposition=default,attached_pic',
        'stream_tags=language,title',
      ].join(':'),
      INPUT,
    )
    // What `ffprobe` returns has no meaning.
    return 0
  })
  const output = parseOutput(lines.stdout.join('\n'))
  const container = output.format?.format_name
  if (!container || (output.format?.probe_score ?? 0) < SURE_SCORE) {
    const { recognizeOther } = await import('../other-content.ts')
    const other = await recognizeOther(bytesAt(source, 0, SIGNATURE_BYTES))
    if (other) throw other
  }
  if (!container) {
    if (lines.stderr.some((line) => line.includes('moov atom not found'))) throw unfinished()
    throw lines.stderr.some(isFromAllowedDemuxer) ? corrupt() : unsupportedType()
  }
  return { ...probedOf({ output, container, track }), isCoreIntact: status === 0 }
}

/** ffprobe's JSON. Some of its numbers are strings. */
type ProbeOutput = {
  format?: { format_name?: string; duration?: string; start_time?: string; probe_score?: number }
  streams?: ProbedStream[]
}

type ProbedStream = {
  codec_type?: string
  codec_name?: string
  sample_rate?: string
  channels?: number
  channel_layout?: string
  duration?: string
  start_time?: string
  disposition?: { default?: number; attached_pic?: number }
  tags?: { language?: string; title?: string }
}

function probedOf({
  output: { format, streams = [] },
  container,
  track,
}: {
  output: ProbeOutput
  container: string
  track: number | null
}): Omit<Probed, 'isCoreIntact'> {
  const audio = streams.filter(({ codec_type }) => codec_type === 'audio')
  const tracks = audio.map(trackOf)
  if (tracks.length === 0) throw noAudioTrack()
  const number = track ?? tracks.find(({ isDefault }) => isDefault)?.number ?? 1
  const stream = audio[number - 1]
  if (!stream) throw trackOutside({ track: number, count: tracks.length })
  const sampleRate = Number(stream.sample_rate)
  const channels = stream.channels ?? 0
  if (!stream.codec_name || !(sampleRate > 0) || channels < 1) throw corrupt()
  if (sampleRate < MIN_SAMPLE_RATE || sampleRate > MAX_SAMPLE_RATE) {
    throw unsupportedSound('The sample rate must be from 4,000 to 384,000 Hz.')
  }
  if (channels > MAX_CHANNELS)
    throw unsupportedSound(`The recording must have at most ${MAX_CHANNELS} channels.`)
  const start = secondsOf(format?.start_time) ?? 0
  const ownSeconds = positive(stream.duration)
  const playerSeconds = positive(format?.duration)
  const hasVideo = streams.some(
    ({ codec_type, disposition }) => codec_type === 'video' && disposition?.attached_pic !== 1,
  )
  const ownEnd = ownSeconds && ownSeconds + Math.max(0, (secondsOf(stream.start_time) ?? start) - start)
  return {
    info: {
      container,
      codec: stream.codec_name,
      sampleRate,
      channels,
      claimedSeconds: playerSeconds ?? ownSeconds,
      track: number,
      tracks,
    },
    start,
    playerSeconds,
    trackSeconds: ownEnd ?? (hasVideo ? null : playerSeconds),
    hasVideo,
    layout: stream.channel_layout ?? null,
  }
}

function trackOf({ codec_name, channels, disposition, tags }: ProbedStream, index: number): Track {
  const language = tags?.language
  return {
    number: index + 1,
    codec: codec_name ?? 'unknown',
    channels: channels ?? 0,
    language: language === 'und' ? null : (language ?? null),
    title: tags?.title ?? null,
    isDefault: disposition?.default === 1,
  }
}

function secondsOf(text: string | undefined): number | null {
  const seconds = Number(text)
  return text === undefined || !Number.isFinite(seconds) ? null : seconds
}

function positive(text: string | undefined): number | null {
  const seconds = secondsOf(text)
  return seconds !== null && seconds > 0 ? seconds : null
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
