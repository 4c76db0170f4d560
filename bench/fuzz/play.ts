import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ErrorCode, VerbatimError } from '../../src/errors.ts'
import { type AudioInfo, type Media, SAMPLE_RATE, SAMPLES_PER_LEVEL } from '../../src/media/media.ts'
import { outOfTime } from '../../src/media/refusals.ts'
import { type Decoded, decodeWhole } from '../../test/media/decode-whole.ts'
import { DECOYS, layDecoys, showsDecoy } from './decoys.ts'

/** `at its deadline`: killed there, and refused as `corrupt`. */
export type Outcome = 'decoded' | 'at its deadline' | 'defect' | ErrorCode

export type Played = {
  outcome: Outcome
  /** Turns that were waited for included. */
  ms: number
  /** What must not happen, in words; empty when all is well. */
  findings: string[]
}

/** What may be said of a recording; any other code blames the service. */
const OF_THE_AUDIO: ErrorCode[] = ['empty', 'unsupported_type', 'no_audio_track', 'corrupt', 'too_long']
const ONE_SENTENCE = /^[A-Z][^/\n]*\.$/

/**
 * Takes `bytes` through probe and, if they pass, decode, as an upload goes, in a folder of its own with decoys beside
 * them, and looks at what became of it. The folder is gone afterwards.
 */
export async function play({
  media,
  folder,
  bytes,
  split = false,
  maxSeconds,
  withinMs,
}: {
  media: Media
  folder: string
  bytes: Uint8Array
  /** Whether its last channel is decoded, and not all of them mixed. */
  split?: boolean
  maxSeconds: number
  /** By when it must have ended, deadlines and turns included. */
  withinMs: number
}): Promise<Played> {
  await mkdir(folder, { recursive: true })
  try {
    await layDecoys(folder)
    await writeFile(join(folder, 'upload'), bytes)
    const begun = performance.now()
    const ended = await settled(attempt({ media, folder, split, maxSeconds }), withinMs)
    const ms = performance.now() - begun
    const findings = [
      ...(ended.audio ? faultsOf({ audio: ended.audio, maxSeconds }) : wordingOf(ended.error)),
      ...leftIn(await readdir(folder)),
      ...(ended.info && showsDecoy(Buffer.from(JSON.stringify(ended.info)))
        ? ['the probe tells a decoy']
        : []),
    ]
    return { outcome: ended.audio ? 'decoded' : outcomeOf(ended.error), ms, findings }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Ended = { info?: AudioInfo } & ({ audio: Decoded } | { audio?: undefined; error: unknown })

async function attempt({
  media,
  folder,
  split,
  maxSeconds,
}: {
  media: Media
  folder: string
  split: boolean
  maxSeconds: number
}): Promise<Ended> {
  const path = join(folder, 'upload')
  let info: AudioInfo | undefined
  try {
    info = await media.probe(path)
    const channel = split ? info.channels - 1 : null
    const audio = await decodeWhole(media, { path, maxSeconds, channel })
    return { info, audio }
  } catch (error) {
    return { ...(info && { info }), error }
  }
}

async function settled(attempt: Promise<Ended>, withinMs: number): Promise<Ended> {
  const late = Promise.withResolvers<Ended>()
  const timer = setTimeout(() => late.resolve({ error: new Error(`not ended in ${withinMs} ms`) }), withinMs)
  try {
    return await Promise.race([attempt, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof VerbatimError)) return 'defect'
  return error.message === outOfTime().message ? 'at its deadline' : error.code
}

function wordingOf(error: unknown): string[] {
  if (!(error instanceof VerbatimError)) return [`no named error: ${error}`]
  const said = error.message
  return [
    ...(OF_THE_AUDIO.includes(error.code)
      ? []
      : [`the recording is not to blame for ${error.code}: ${said}`]),
    ...(ONE_SENTENCE.test(said) ? [] : [`not one sentence without paths: ${said}`]),
    ...(showsDecoy(Buffer.from(said)) ? ['the error tells a decoy'] : []),
  ]
}

function faultsOf({ audio, maxSeconds }: { audio: Decoded; maxSeconds: number }): string[] {
  const { pieces, pcm, samples, levels, peaks } = audio
  const stretches = Math.ceil(samples / SAMPLES_PER_LEVEL)
  return [
    ...(samples > 0 && samples <= maxSeconds * SAMPLE_RATE ? [] : [`${samples} samples`]),
    ...(pieces.filter(({ isLast }) => isLast).length === 1 ? [] : ['not one last piece']),
    ...(levels.length === stretches ? [] : [`${levels.length} levels of ${stretches}`]),
    ...(peaks.length === 2 * stretches ? [] : [`${peaks.length} peaks of ${2 * stretches}`]),
    ...(showsDecoy(pcm) ? ['a decoy is heard in the pcm'] : []),
  ]
}

function leftIn(names: string[]): string[] {
  const due = new Set(['upload', ...DECOYS])
  return names.filter((name) => !due.has(name)).map((name) => `left behind: ${name}`)
}
