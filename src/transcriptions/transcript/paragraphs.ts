import { SENTENCE_END } from './line-breaking.ts'

/** A word as the model wrote it: with a leading space where its language uses spaces. Times are seconds. */
export type SpokenWord = { text: string; start: number; end: number }

/** Consecutive items, at least one. */
export type Group<T> = [T, ...T[]]

/** A pause that ends a sentence without punctuation. */
const SENTENCE_PAUSE_SECONDS = 1
const PARAGRAPH_PAUSE_SECONDS = 2
const PARAGRAPH_SENTENCES = 5

/** Text of consecutive words. */
export const textOfWords = (words: SpokenWord[]) =>
  words
    .map(({ text }) => text)
    .join('')
    .trim()

/** Splits the words of one channel after each sentence and at pauses. The last sentence may be incomplete. */
export function sentencesOf<W extends SpokenWord>(words: W[]): Group<W>[] {
  return groupsOf(
    words,
    (before, next) =>
      SENTENCE_END.test(before.text.trim()) || next.start - before.end >= SENTENCE_PAUSE_SECONDS,
  )
}

/** Groups the sentences of one channel into paragraphs, which end at a pause or after five sentences. */
export function paragraphsOf<W extends SpokenWord>(words: W[]): Group<Group<W>>[] {
  return groupsOf(
    sentencesOf(words),
    (before, next, count) =>
      count === PARAGRAPH_SENTENCES || next[0].start - endOf(before) >= PARAGRAPH_PAUSE_SECONDS,
  )
}

/** The end of the last word. Times of words can overlap. */
export const endOf = (words: Group<SpokenWord>) => Math.max(...words.map(({ end }) => end))

/** Groups consecutive items. `isEnd` decides between two items; `count` items are in the group before. */
export function groupsOf<T>(items: T[], isEnd: (before: T, next: T, count: number) => boolean): Group<T>[] {
  const groups: Group<T>[] = []
  for (const item of items) {
    const group = groups.at(-1)
    const before = group?.at(-1)
    if (group && before !== undefined && !isEnd(before, item, group.length)) group.push(item)
    else groups.push([item])
  }
  return groups
}
