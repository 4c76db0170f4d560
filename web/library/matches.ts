/** The words of a search, folded. */
export function termsOf(words: string): string[] {
  return fold(words)
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
}

/** Case and accents do not matter, as in the search of the service. Keeps the length of composed text. */
export const fold = (text: string) =>
  [...text.normalize('NFC')]
    .map(
      (letter) =>
        letter
          .normalize('NFD')
          .replace(/\p{M}+/gu, '')
          .toLowerCase() || letter,
    )
    .map((letter, index) => (letter.length === 1 ? letter : ([...text.normalize('NFC')][index] ?? letter)))
    .join('')

export type Part = { text: string; isMatch: boolean }

/** Splits a text at its words that begin with a word of the search. */
export function splitByWords(text: string, words: string): Part[] {
  const terms = termsOf(words)
  const parts: Part[] = []
  for (const [word] of text.normalize('NFC').matchAll(/[\p{L}\p{N}]+|[^\p{L}\p{N}]+/gu)) {
    const folded = fold(word)
    const term = terms.find((term) => folded.startsWith(term))
    if (term === undefined) parts.push({ text: word, isMatch: false })
    else
      parts.push(
        { text: word.slice(0, term.length), isMatch: true },
        { text: word.slice(term.length), isMatch: false },
      )
  }
  return parts.filter(({ text }) => text !== '')
}
