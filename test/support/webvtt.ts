import { type Node, WebVTTParser } from 'webvtt-parser'
import entities from 'webvtt-parser/html-entities.json'

/** Parses a WebVTT file with the validator of the W3C. Throws for every error, also those that players ignore. */
export function parseWebVtt(text: string) {
  const { cues, errors } = new WebVTTParser(entities).parse(text)
  if (errors.length > 0) throw new Error(`invalid WebVTT: ${Bun.inspect(errors)}\n${text}`)
  return cues.map(({ startTime: start, endTime: end, tree: { children } }) => {
    const [voice] = children.flatMap((node) => (node.type === 'object' && node.name === 'v' ? [node] : []))
    return { start, end, voice: voice?.value ?? null, text: textOf(children) }
  })
}

function textOf(nodes: Node[]): string {
  return nodes
    .map((node) => (node.type === 'text' ? node.value : node.type === 'object' ? textOf(node.children) : ''))
    .join('')
}
