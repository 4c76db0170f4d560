/** As much XML as S3's answers are made of: elements without attributes, none within one of its own name. */

/** What stands between each `<name>` and `</name>`. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^]*?)</${name}>`, 'g'))].map(([, inner = '']) => inner)
}

/** The text of the first `<name>`; null where there is none, or nothing in it. */
export function textOf(xml: string, name: string): string | null {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return text ? unescaped(text) : null
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
