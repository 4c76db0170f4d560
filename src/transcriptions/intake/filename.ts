/** In UTF-16 code units. */
const MAX_LENGTH = 255

/**
 * A file name as it is kept: in NFC, without folders and control characters (Postgres text cannot hold NUL).
 * A name that is too long keeps its extension. Null if nothing is left.
 */
export function plainFilename(name: string): string | null {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  const plain = last
    .toWellFormed()
    .normalize('NFC')
    .replace(/\p{Cc}/gu, '')
    .trim()
  return shortened(plain) || null
}

function shortened(name: string): string {
  if (name.length <= MAX_LENGTH) return name
  const extension = /\.[^.\s]{1,16}$/.exec(name)?.[0] ?? ''
  return upTo(name, MAX_LENGTH - extension.length) + extension
}

/** The start of a text, not cut inside a surrogate pair. */
function upTo(text: string, length: number): string {
  const start = text.slice(0, length)
  return start.isWellFormed() ? start : start.slice(0, -1)
}
