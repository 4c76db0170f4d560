import { UNSPACED_END, UNSPACED_START } from '../../src/transcriptions/transcript/languages.ts'
import type { Segment } from '../api/types.ts'

/** A word, or a segment without words: what can be heard by a click and is highlighted. */
export type Unit = {
  /** Position among the units of all blocks. */
  index: number
  start: number
  end: number
  /** Its characters in the text of the block. */
  from: number
  to: number
  probability: number | null
}

/** A paragraph of one voice, and a row of the list. */
export type Block = {
  index: number
  start: number
  end: number
  speaker: string | null
  channel: number | null
  language: string | null
  /** Whether another voice speaks in the block before. */
  startsTurn: boolean
  text: string
  units: Unit[]
}

/** A paragraph ends after a sentence once it has this many characters. */
const PARAGRAPH_LENGTH = 420
/** A paragraph without the end of a sentence ends here. */
const MAX_PARAGRAPH_LENGTH = 900
const PARAGRAPH_PAUSE_SECONDS = 2.5
const SENTENCE_END = /[\p{Sentence_Terminal}…][\p{Pe}\p{Pf}"']*$/u

export function blocksOf(segments: readonly Segment[]): Block[] {
  const blocks: Block[] = []
  let index = 0
  for (const segment of segments.toSorted((a, b) => a.start - b.start)) {
    const text = segment.text.normalize('NFC')
    if (text === '') continue
    const last = blocks.at(-1)
    const block = last && continues(last, segment) ? last : startBlock(blocks, segment)
    const before = block.text
    const offset = before.length + (needsSpace(before, text) ? 1 : 0)
    block.text = before.padEnd(offset) + text
    block.end = Math.max(block.end, segment.end)
    for (const unit of unitsOf(segment, text)) {
      block.units.push({ ...unit, index, from: unit.from + offset, to: unit.to + offset })
      index += 1
    }
  }
  return blocks
}

function continues(block: Block, segment: Segment): boolean {
  if (isOtherVoice(block, segment)) return false
  if (block.text.length > MAX_PARAGRAPH_LENGTH) return false
  if (segment.start - block.end > PARAGRAPH_PAUSE_SECONDS) return false
  return block.text.length < PARAGRAPH_LENGTH || !SENTENCE_END.test(block.text)
}

const isOtherVoice = ({ speaker, channel }: Block, segment: Segment) =>
  speaker !== (segment.speaker ?? null) || channel !== (segment.channel ?? null)

function startBlock(blocks: Block[], segment: Segment): Block {
  const last = blocks.at(-1)
  const block: Block = {
    index: blocks.length,
    start: segment.start,
    end: segment.end,
    speaker: segment.speaker ?? null,
    channel: segment.channel ?? null,
    language: segment.language,
    startsTurn: !last || isOtherVoice(last, segment),
    text: '',
    units: [],
  }
  blocks.push(block)
  return block
}

const needsSpace = (before: string, after: string) =>
  before !== '' && !(UNSPACED_END.test(before) && UNSPACED_START.test(after))

/** The words at their places in the text; the whole segment if it has none, or other ones. */
function unitsOf({ start, end, words = [] }: Segment, text: string): Omit<Unit, 'index'>[] {
  const units: Omit<Unit, 'index'>[] = []
  let cursor = 0
  for (const { word, probability, ...times } of words) {
    const written = word.normalize('NFC').trim()
    if (written === '') continue
    const from = text.indexOf(written, cursor)
    if (from < 0) return [{ start, end, from: 0, to: text.length, probability: null }]
    cursor = from + written.length
    units.push({ start: times.start, end: times.end, from, to: cursor, probability })
  }
  return units.length > 0 ? units : [{ start, end, from: 0, to: text.length, probability: null }]
}
