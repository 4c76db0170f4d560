/** Scripts without spaces between words, with their shared punctuation and the fullwidth forms. */
const UNSPACED =
  '[\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmr}\\p{scx=Mymr}\\p{scx=Tibt}\\uff00-\\uffef]'
export const UNSPACED_END = new RegExp(`${UNSPACED}$`, 'u')
export const UNSPACED_START = new RegExp(`^${UNSPACED}`, 'u')

/** Joins the texts of segments, with a space if their script uses spaces and the engine left it out. */
export function joinTexts(texts: string[]): string {
  let before = ''
  const joined: string[] = []
  for (const text of texts) {
    if (text === '') continue
    joined.push(separator(before, text), /\s$/.test(before) ? text.trimStart() : text)
    before = text
  }
  return joined.join('').trim()
}

/** The characters that `text` adds to `before` when `joinTexts` joins them. */
export function continuation(before: string, text: string): string {
  return joinTexts([before, text]).slice(before.trim().length)
}

function separator(before: string, after: string): '' | ' ' {
  if (/\s$/.test(before) || /^\s/.test(after)) return ''
  return UNSPACED_END.test(before) && UNSPACED_START.test(after) ? '' : ' '
}
