/** As much XML as S3's answers are made of: elements without attributes, none within one of its own name. */

/** What stands between each `<name>` and `</name>`. */
export function elements(xml: string, name: string): string[] {
  const [open, close] = [`<${name}>`, `</${name}>`]
  const found: string[] = []
  for (let at = xml.indexOf(open); at >= 0; ) {
    const end = xml.indexOf(close, at)
    if (end < 0) break
    found.push(xml.slice(at + open.length, end))
    at = xml.indexOf(open, end)
  }
  return found
}

/** The text of the first `<name>`; null where there is none, or nothing in it. */
export function textOf(xml: string, name: string): string | null {
  const [first] = elements(xml, name)
  return first && !first.includes('<') ? unescaped(first) : null
}

/** Throws where there is no text. */
export function requiredText(xml: string, name: string): string {
  const text = textOf(xml, name)
  if (text === null) throw new Error(`the store's answer has no ${name}`)
  return text
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function unescaped(text: string): string {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|([a-z]+));/gi, (whole, hex, decimal, name) => {
    const code = hex ? Number.parseInt(hex, 16) : decimal ? Number(decimal) : null
    return code === null ? (ENTITIES[name] ?? whole) : String.fromCodePoint(code)
  })
}
