import { formatDuration } from '../i18n/format.ts'
import type { Block } from './blocks.ts'
import type { Part } from './selection.ts'

export const wholeText = (blocks: readonly Block[]): Part[] =>
  blocks.map((block) => ({ block, from: 0, to: block.text.length }))

/** Parts of a transcript as plain text: a paragraph for each block, with the voice at the start of its turns. */
export function writeText(
  parts: readonly Part[],
  { hasTimes, nameOf }: { hasTimes: boolean; nameOf: (block: Block) => string | null },
): string {
  return parts
    .map(({ block, from, to }, index) => {
      const name = index === 0 || block.startsTurn ? nameOf(block) : null
      const first = block.units.find((unit) => unit.to > from)
      const time = hasTimes ? `[${formatDuration(Math.floor(first?.start ?? block.start))}] ` : ''
      return `${time}${name === null ? '' : `${name}: `}${block.text.slice(from, to)}`
    })
    .join(hasTimes ? '\n' : '\n\n')
}
