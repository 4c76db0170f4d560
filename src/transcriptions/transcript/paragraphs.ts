import { joinTexts } from './languages.ts'
import { SENTENCE_END } from './line-breaking.ts'

/** A word as the model wrote it: with a leading space where its language uses spaces. */
export type SpokenWord = { text: string; start: number; end: number }

type Sentence = { text: string; start: number; end: number; wordCount: number }

const MAX_SENTENCES = 5
/** A longer pause between two sentences starts a new paragraph. */
const PAUSE_SECONDS = 2

/** Text of consecutive words. */
export const textOfWords = (words: SpokenWord[]) =>
  words
    .map(({ text }) => text)
    .join('')
    .trim()

/** Splits words after each sentence. The last sentence may be incomplete. */
function sentencesOf(words: SpokenWord[]): Sentence[] {
  return groupsOf(words, (before) => SENTENCE_END.test(before.text.trim())).map((spoken) => ({
    text: textOfWords(spoken),
    start: spoken[0]?.start ?? 0,
    end: spoken.at(-1)?.end ?? 0,
    wordCount: spoken.length,
  }))
}

/** Groups sentences into paragraphs, which end at a pause or after five sentences. */
export function paragraphsOf(words: SpokenWord[]) {
  const isEnd = (before: Sentence, next: Sentence, count: number) =>
    count === MAX_SENTENCES || next.start - before.end > PAUSE_SECONDS
  return groupsOf(sentencesOf(words), isEnd).map((sentences) => ({
    text: joinTexts(sentences.map(({ text }) => text)),
    sentences: sentences.map(({ text, start, end }) => ({ text, start, end })),
    wordCount: sentences.reduce((sum, { wordCount }) => sum + wordCount, 0),
    start: sentences[0]?.start ?? 0,
    end: sentences.at(-1)?.end ?? 0,
  }))
}

/** Groups consecutive items. `isEnd` decides between two items; `count` items are in the group before. */
export function groupsOf<T>(items: T[], isEnd: (before: T, next: T, count: number) => boolean): T[][] {
  const groups: T[][] = []
  for (const item of items) {
    const group = groups.at(-1)
    const before = group?.at(-1)
    if (group && before !== undefined && !isEnd(before, item, group.length)) group.push(item)
    else groups.push([item])
  }
  return groups
}
