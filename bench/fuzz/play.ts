import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ErrorCode, VerbatimError } from '../../src/errors.ts'
import { type AudioInfo, type Media, SAMPLE_RATE, SAMPLES_PER_LEVEL } from '../../src/media/media.ts'
import { outOfTime } from '../../src/media/refusals.ts'
import { type Decoded, decodeWhole } from '../../test/media/decode-whole.ts'
import { containsDecoy, DECOYS, writeDecoys } from './decoys.ts'

/** `timeout`: the decoder was killed at its deadline, and the recording was refused as `corrupt`. */
type Outcome = 'decoded' | 'timeout' | 'defect' | ErrorCode

/** `ms` includes the wait for a free decoder. `findings` are sentences about what must not happen. */
export type Played = { outcome: Outcome; ms: number; findings: string[] }

/** The error codes that blame the recording; any other code blames the service. */
const OF_THE_AUDIO: ErrorCode[] = ['empty', 'unsupported_type', 'no_audio_track', 'corrupt', 'too_long']
/** Without paths: a slash is only between the two words of a media type. */
const ONE_SENTENCE = /^[A-Z]([^/\n]|(?<=audio|video|image|application|text)\/)*\.$/

type Attempt = {
  media: Media
  /** The folder is created, and removed at the end. */
  folder: string
  /** Whether to decode only the last channel instead of the mix. */
  split?: boolean
  maxSeconds: number
}

/**
 * Probes a recording and, if that succeeds, decodes it, in a folder with decoys, and checks the result and
 * the folder.
 */
export async function play({
  bytes,
  withinMs,
  ...attempt
}: Attempt & { bytes: Uint8Array; withinMs: number }): Promise<Played> {
  const { folder, maxSeconds } = attempt
  await mkdir(folder, { recursive: true })
  try {
    await writeDecoys(folder)
    await writeFile(join(folder, 'upload'), bytes)
    const start = performance.now()
    const ended = await within(withinMs, probeAndDecode(attempt))
    const ms = performance.now() - start
    const leftovers = (await readdir(folder)).filter((name) => name !== 'upload' && !DECOYS.includes(name))
    const findings = [
      ...(ended.audio ? findingsInAudio(ended.audio, maxSeconds) : findingsInError(ended.error)),
      ...leftovers.map((name) => `left behind: ${name}`),
      ...(containsDecoy(Buffer.from(JSON.stringify(ended.info ?? {}))) ? ['the probe shows a decoy'] : []),
    ]
    return { outcome: ended.audio ? 'decoded' : outcomeOf(ended.error), ms, findings }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Ended = { info?: AudioInfo } & ({ audio: Decoded } | { audio?: undefined; error: unknown })

async function probeAndDecode({ media, folder, split = false, maxSeconds }: Attempt): Promise<Ended> {
  const path = join(folder, 'upload')
  let info: AudioInfo | undefined
  try {
    info = await media.probe(path)
    const channel = split ? info.channels - 1 : null
    return { info, audio: await decodeWhole(media, { path, maxSeconds, channel }) }
  } catch (error) {
    return { ...(info && { info }), error }
  }
}

async function within(ms: number, attempt: Promise<Ended>): Promise<Ended> {
  const late = Promise.withResolvers<Ended>()
  const timer = setTimeout(() => late.resolve({ error: new Error(`not ended in ${ms} ms`) }), ms)
  try {
    return await Promise.race([attempt, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof VerbatimError)) return 'defect'
  return error.message === outOfTime().message ? 'timeout' : error.code
}

function findingsInError(error: unknown): string[] {
  if (!(error instanceof VerbatimError)) return [`not a named error: ${error}`]
  const { code, message } = error
  return [
    ...(OF_THE_AUDIO.includes(code) ? [] : [`the code does not blame the recording: ${code}: ${message}`]),
    ...(ONE_SENTENCE.test(message) ? [] : [`not one sentence without paths: ${message}`]),
    ...(containsDecoy(Buffer.from(message)) ? ['the error shows a decoy'] : []),
  ]
}

function findingsInAudio({ pieces, pcm, samples, levels, peaks }: Decoded, maxSeconds: number): string[] {
  const expected = Math.ceil(samples / SAMPLES_PER_LEVEL)
  return [
    ...(samples > 0 && samples <= maxSeconds * SAMPLE_RATE ? [] : [`${samples} samples`]),
    ...(pieces.filter(({ isLast }) => isLast).length === 1 ? [] : ['not exactly one last piece']),
    ...(levels.length === expected ? [] : [`${levels.length} levels instead of ${expected}`]),
    ...(peaks.length === 2 * expected ? [] : [`${peaks.length} peaks instead of ${2 * expected}`]),
    ...(containsDecoy(pcm) ? ['the pcm contains a decoy'] : []),
  ]
}
