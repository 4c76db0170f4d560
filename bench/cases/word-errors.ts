import { join } from 'node:path'
import { countWordErrors } from '../../test/support/words.ts'
import { normalise } from './normalise.ts'
import { type Observed, observe, type Segment } from './observe.ts'
import type { Target } from './send.ts'

/** `heard` is the transcript, or the error. */
export type WordErrors = { name: string; errors: number; words: number; heard: string }

/** A recording of a manifest, as bench/README.md describes it. */
type Recording = {
  file: string
  language?: string | null
  text?: string | null
  channels?: string[]
  parts?: { start: number; end: number; text?: string }[]
}

/** Reads the recordings of a folder whose texts are known: from its manifest, or from a .txt beside each. */
export async function readRecordings(folder: string): Promise<Recording[]> {
  const manifest = Bun.file(join(folder, 'manifest.json'))
  const listed: Recording[] = (await manifest.exists()) ? await manifest.json() : []
  const texts = await Array.fromAsync(new Bun.Glob('*.txt').scan(folder))
  const names = await Array.fromAsync(new Bun.Glob('*').scan(folder))
  const named = await Promise.all(
    texts.map(async (name): Promise<Recording> => {
      const stem = name.slice(0, -'.txt'.length)
      const file = names.find((other) => other !== name && other.replace(/\.[^.]*$/, '') === stem)
      const text = await Bun.file(join(folder, name)).text()
      return { file: file ?? '', text, language: /^[a-z]{2}(?=[-_])/.exec(name)?.[0] ?? null }
    }),
  )
  const known = new Set(listed.map(({ file }) => file))
  return [...listed, ...named.filter(({ file }) => file !== '' && !known.has(file))].filter(
    ({ text, channels, parts }) => typeof text === 'string' || channels || parts,
  )
}

/** Transcribes a recording; detects its language if neither the folder nor `language` names it. */
export async function countErrors(
  target: Target,
  {
    folder,
    recording,
    language,
    keywords,
  }: { folder: string; recording: Recording; language: string; keywords: string },
): Promise<WordErrors> {
  const named = /^[a-z]{2,3}$/.test(recording.language ?? '') ? recording.language : undefined
  const observed = await observe(target, {
    file: join(folder, recording.file),
    endpoint: 'transcribe',
    fields: {
      language: language || named || 'auto',
      ...(keywords && { keywords }),
      ...(recording.channels && { channels: 'split' }),
    },
  })
  const pieces = piecesOf(recording, observed)
  const pairs = pieces.map(({ text, heard }): [string[], string[]] => [tokensOf(text), tokensOf(heard)])
  return {
    name: recording.file,
    errors: pairs.reduce((total, [right, heard]) => total + countWordErrors(right, heard), 0),
    words: pairs.reduce((total, [right]) => total + right.length, 0),
    heard: observed.error ?? pieces.map(({ heard }) => heard).join(' / '),
  }
}

function piecesOf(
  { text, channels, parts }: Recording,
  observed: Observed,
): { text: string; heard: string }[] {
  const heard = (isIn: (segment: Segment) => boolean) =>
    observed.segments
      .filter(isIn)
      .map((segment) => segment.text)
      .join(' ')
  if (typeof text === 'string') return [{ text, heard: observed.text ?? '' }]
  if (channels) {
    return channels.map((text, at) => ({ text, heard: heard(({ channel }) => channel === at) }))
  }
  return (parts ?? []).flatMap(({ start, end, text }) =>
    text === undefined ? [] : [{ text, heard: heard((part) => part.start >= start && part.start < end) }],
  )
}

/** Words; in scripts without spaces, characters. */
const TOKEN = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]|[^\s\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]+/gu

const tokensOf = (text: string): string[] => normalise(text).match(TOKEN) ?? []
