/**
 * A reader for the XML of S3's responses: elements without attributes, and no element within one of the same
 * name.
 */

/** The content of each element called `name`. */
export function elements(xml: string, name: string): string[] {
  const [open, close] = [`<${name}>`, `</${name}>`]
  const contents: string[] = []
  for (let start = xml.indexOf(open); start >= 0; ) {
    const end = xml.indexOf(close, start)
    if (end < 0) break
    contents.push(xml.slice(start + open.length, end))
    start = xml.indexOf(open, end)
  }
  return contents
}

/** The text of the first element called `name`; null if there is none, or it is empty. */
export function textOf(xml: string, name: string): string | null {
  const [first] = elements(xml, name)
  return first && !first.includes('<') ? unescaped(first) : null
}

/** As `textOf`, but throws if there is no text. */
export function requiredText(xml: string, name: string): string {
  const text = textOf(xml, name)
  if (text === null) throw new Error(`the store's response has no ${name}`)
  return text
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function unescaped(text: string): string {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|([a-z]+));/gi, (entity, hex, decimal, name) => {
    const code = hex ? Number.parseInt(hex, 16) : decimal ? Number(decimal) : null
    return code === null ? (ENTITIES[name] ?? entity) : String.fromCodePoint(code)
  })
}
