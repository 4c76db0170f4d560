import { joinTexts } from './languages.ts'
import { chunksOf, joinChunks, SENTENCE_END, type TimedText } from './line-breaking.ts'

/** What one voice says until another one speaks. */
export type Turn = { voice: string | null; text: string }

/** A part of a sentence continues after a shorter pause of its voice. */
const PAUSE_SECONDS = 1

/** Text that is not interrupted by another voice: a sentence, or the part of a segment that belongs to one. */
type Part = { voice: string | null; start: number; end: number; texts: string[]; isWhole: boolean }

/**
 * The text of a transcription. If its voices are told apart, each turn has a line, without the voice's label:
 * the text is searched and counted as what was said.
 */
export function textOf(segments: TimedText[]): string {
  if (segments.every(({ voice }) => !voice)) return joinTexts(segments.map(({ text }) => text))
  return turnsOf(segments)
    .map(({ text }) => text)
    .join('\n')
}

/**
 * Consecutive sentences of one voice are a turn. Sentences are sorted by start and are not interrupted: if
 * another voice speaks during a sentence, its turn follows that sentence.
 */
export function turnsOf(segments: TimedText[]): Turn[] {
  const voices = Map.groupBy(segments, ({ voice }) => voice ?? null)
  const sentences = [...voices.values()]
    .flatMap((spoken) => sentencesOf(spoken.flatMap(partsOf)))
    .sort((a, b) => a.start - b.start)
  const turns: { voice: string | null; texts: string[] }[] = []
  for (const { voice, texts } of sentences) {
    const turn = turns.at(-1)
    if (turn && turn.voice === voice) turn.texts.push(...texts)
    else turns.push({ voice, texts: [...texts] })
  }
  return turns.map(({ voice, texts }) => ({ voice, text: joinTexts(texts) }))
}

/** Splits a segment after each sentence. The last part may be the beginning of a sentence. */
function partsOf(segment: TimedText): Part[] {
  const parts: Part[] = []
  let from = 0
  const chunks = chunksOf(segment, Number.POSITIVE_INFINITY)
  for (const [index, { text, end }] of chunks.entries()) {
    const isWhole = SENTENCE_END.test(text)
    if (!isWhole && index < chunks.length - 1) continue
    const sentence = chunks.slice(from, index + 1)
    const start = sentence[0]?.start ?? end
    parts.push({ voice: segment.voice ?? null, start, end, texts: [joinChunks(sentence)], isWhole })
    from = index + 1
  }
  return parts
}

/** Joins the parts of each sentence of one voice. */
function sentencesOf(parts: Part[]): Part[] {
  const sentences: Part[] = []
  for (const part of parts) {
    const before = sentences.at(-1)
    if (before && !before.isWhole && part.start - before.end < PAUSE_SECONDS) {
      before.texts.push(...part.texts)
      before.end = part.end
      before.isWhole = part.isWhole
    } else {
      // Engines can let a segment start before the one before it; a voice's own text stays in order.
      sentences.push({ ...part, start: Math.max(part.start, before?.start ?? 0) })
    }
  }
  return sentences
}
