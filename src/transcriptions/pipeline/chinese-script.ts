import type { Segment } from '../../engines/engine.ts'
import type { Script } from '../intake/requested-language.ts'

type Convert = (text: string) => string

/** Converts the texts of segments and words to a Chinese script. Null leaves them as they are. */
export async function convertScript(segments: Segment[], script: Script | null): Promise<Segment[]> {
  if (script === null || segments.length === 0) return segments
  const convert = await converters[script]()
  return segments.map((segment) => ({
    ...segment,
    text: convert(segment.text),
    words: segment.words && convertWords(segment.words, convert),
  }))
}

/**
 * The words are converted together, because a character's form depends on its phrase. Conversions between
 * scripts keep the number of characters, so that each word gets its own back.
 */
function convertWords(words: NonNullable<Segment['words']>, convert: Convert) {
  const characters = [...convert(words.map(({ word }) => word).join(''))]
  return words.map((word) => ({ ...word, word: characters.splice(0, [...word.word].length).join('') }))
}

/** The dictionaries take up to 60 MB and 0.1 s, so they are loaded at the first use. */
const converters = {
  simplified: once(async (): Promise<Convert> => {
    const { Converter } = await import('opencc-js/t2cn')
    const fromStandard = Converter({ from: 't', to: 'cn' })
    const fromTaiwan = Converter({ from: 'tw', to: 'cn' })
    // Taiwan also writes 着 as 著. A simplified text has both, and must not lose the difference.
    return (text) => (fromStandard(text) === text ? text : fromTaiwan(text))
  }),
  traditional: once(async (): Promise<Convert> => {
    const { Converter } = await import('opencc-js/cn2t')
    return Converter({ from: 'cn', to: 'tw' })
  }),
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined
  return () => {
    loaded ??= load()
    return loaded
  }
}
