/** NFKC in lower case, without apostrophes; other punctuation and symbols become spaces. */
export function normalise(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/['’]/g, '')
    .replace(/[\p{P}\p{S}\s]+/gu, ' ')
    .trim()
}
