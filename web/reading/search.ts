import { computed, effect, signal } from '@preact/signals'
import { fold } from '../library/matches.ts'
import type { Block } from './blocks.ts'
import type { Reading } from './reading.ts'

/** A match: characters of the text of a block. */
export type Hit = { index: number; block: number; from: number; to: number; seconds: number }

export type Search = ReturnType<typeof createSearch>

/** The search within a transcript. Case and accents do not matter. */
export function createSearch(reading: Reading, words: string) {
  const query = signal(words)
  const folded = computed(() => reading.blocks.value.map(({ text }) => fold(text)))
  const hits = computed(() => findHits(reading.blocks.value, folded, query.value))
  const byBlock = computed(() => Map.groupBy(hits.value, ({ block }) => block))
  const current = signal<Hit | null>(null)
  const stop = effect(() => {
    if (current.value && !hits.value.includes(current.value)) current.value = null
  })
  return {
    query,
    hits,
    byBlock,
    current,
    /** Selects the next (1) or the previous (-1) match; the first one after `seconds` if none is selected. */
    move(steps: number, seconds: number): Hit | null {
      const count = hits.value.length
      const { value } = current
      const after = hits.value.findIndex((hit) => hit.seconds >= seconds)
      const start = Math.max(after, 0)
      const next = value ? value.index + steps : steps > 0 ? start : start - 1
      current.value = hits.value[(next + count) % count] ?? null
      return current.value
    },
    close: stop,
  }
}

/** The places of the phrase or, if there are none, of its words. */
function findHits(blocks: readonly Block[], folded: { readonly value: string[] }, query: string): Hit[] {
  const phrase = fold(query.trim())
  if (phrase === '') return []
  const found = placesOf(blocks, folded.value, [phrase])
  const words = phrase.split(/\s+/)
  return found.length > 0 || words.length === 1 ? found : placesOf(blocks, folded.value, words)
}

function placesOf(blocks: readonly Block[], folded: readonly string[], terms: readonly string[]): Hit[] {
  const hits: Hit[] = []
  for (const block of blocks) {
    const text = folded[block.index] ?? ''
    const places = terms.flatMap((term) => {
      const found: { from: number; to: number }[] = []
      for (let from = text.indexOf(term); from >= 0; from = text.indexOf(term, from + term.length)) {
        found.push({ from, to: from + term.length })
      }
      return found
    })
    let end = 0
    for (const { from, to } of places.toSorted((a, b) => a.from - b.from)) {
      if (from < end) continue
      end = to
      hits.push({ index: hits.length, block: block.index, from, to, seconds: secondsAt(block, to) })
    }
  }
  return hits
}

/** The time at which a character is spoken. */
function secondsAt({ units, start }: Block, character: number): number {
  return units.findLast(({ from }) => from < character)?.start ?? start
}
