/** The words in lower case without punctuation. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? []
}

/** Substituted, inserted and missing words ÷ expected words. */
export function wordErrorRate(expected: string, heard: string): number {
  const right = wordsOf(expected)
  return countWordErrors(right, wordsOf(heard)) / right.length
}

/** The number of substituted, inserted and missing words (Levenshtein distance of words). */
export function countWordErrors(right: string[], got: string[]): number {
  let row = got.map((_, index) => index + 1)
  let first = 0
  for (const [index, word] of right.entries()) {
    let left = index + 1
    let diagonal = first
    const next: number[] = []
    for (const [column, other] of got.entries()) {
      const above = row[column] ?? 0
      left = Math.min(left + 1, above + 1, diagonal + (word === other ? 0 : 1))
      diagonal = above
      next.push(left)
    }
    first = index + 1
    row = next
  }
  return row.at(-1) ?? right.length
}
