import type { Block } from './blocks.ts'

const indexOf = (node: Node | null): number | null => {
  const element = node instanceof Element ? node : node?.parentElement
  const index = element?.closest('[data-index]')?.getAttribute('data-index')
  return index ? Number(index) : null
}

/** The first and last block of the selection; null if it does not begin and end in the list. */
export function selectedBlocks(list: HTMLElement): { first: number; last: number } | null {
  const selection = getSelection()
  if (!selection || selection.isCollapsed || !list.contains(selection.anchorNode)) return null
  const anchor = indexOf(selection.anchorNode)
  const focus = indexOf(selection.focusNode)
  if (anchor === null || focus === null) return null
  return { first: Math.min(anchor, focus), last: Math.max(anchor, focus) }
}

/** A part of a block: the characters from `from` to `to`. */
export type Part = { block: Block; from: number; to: number }

/** The selected text; whole words only. */
export function selectedParts(list: HTMLElement, blocks: readonly Block[]): Part[] {
  const range = selectedBlocks(list)
  const selection = getSelection()
  if (!range || !selection) return []
  return blocks.slice(range.first, range.last + 1).flatMap((block) => {
    const elements = list.querySelectorAll(`[data-index="${block.index}"] [data-unit]`)
    const units = block.units.filter((_, position) => {
      const element = elements[position]
      return element && selection.containsNode(element, true)
    })
    const [first, last] = [units[0], units.at(-1)]
    return first && last ? [{ block, from: first.from, to: last.to }] : []
  })
}
