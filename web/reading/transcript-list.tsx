import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { messages } from '../i18n/messages.ts'
import { BlockRow } from './block-row.tsx'
import type { Block } from './blocks.ts'
import type { Player } from './player.ts'
import type { ReadAlong } from './read-along.ts'
import type { Reading } from './reading.ts'
import type { Hit, Search } from './search.ts'
import { selectedBlocks } from './selection.ts'
import { useVirtualizer } from './use-virtualizer.ts'

/** For the first estimate of a height: the type of `reading.css`. */
const LETTER_WIDTH = 8.4
const LINE_HEIGHT = 30
const ROW_EXTRA = 52
const OVERSCAN = 4
const NO_HITS: readonly Hit[] = []

type Props = {
  reading: Reading
  player: Player
  readAlong: ReadAlong
  search: Search
  marksUnsure: boolean
  onSpeaker: ((id: string) => void) | null
}

/** The text. Only the paragraphs near the window are in the document. */
export function TranscriptList({ reading, player, readAlong, search, marksUnsure, onSpeaker }: Props) {
  const t = messages.value
  const list = useRef<HTMLOListElement>(null)
  const blocks = reading.blocks.value
  const { top, width } = usePlaceOf(list)
  const rows = useVirtualizer({
    count: blocks.length,
    estimateSize: (index) =>
      Math.ceil(((blocks[index]?.text.length ?? 0) * LETTER_WIDTH) / Math.max(width, 1)) * LINE_HEIGHT +
      ROW_EXTRA,
    rangeExtractor: ({ startIndex, endIndex }) =>
      rowsToRender({
        first: startIndex - OVERSCAN,
        last: endIndex + OVERSCAN,
        count: blocks.length,
        list: list.current,
      }),
    scrollMargin: top,
    scrollPaddingStart: 130,
    scrollPaddingEnd: 160,
  })
  const transcript = reading.transcript.value
  useEffect(() => rows.measure(), [width, transcript])
  useLayoutEffect(() => {
    readAlong.attach(list.current, rows)
    readAlong.rendered()
  })
  const voiceOf = voicesOf(reading, t.reading.channel)
  const onTime = (seconds: number) => {
    readAlong.follow()
    player.playFrom(seconds)
  }
  const hits = search.byBlock.value
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the buttons with the times, and the keys of the player, do the same
    <ol
      class="blocks"
      ref={list}
      aria-label={t.transcript}
      style={{ height: `${rows.getTotalSize()}px` }}
      onClick={({ target }) => {
        const index =
          target instanceof Element ? target.closest('[data-unit]')?.getAttribute('data-unit') : null
        const unit = index ? reading.timeline.value.units[Number(index)] : undefined
        // The end of a selection is not a click.
        if (unit && getSelection()?.isCollapsed !== false) onTime(unit.start)
      }}
    >
      {rows.getVirtualItems().map(({ index, start }) => {
        const block = blocks[index]
        return (
          block && (
            <li
              key={index}
              class="block"
              data-index={index}
              ref={rows.measureElement}
              aria-setsize={blocks.length}
              aria-posinset={index + 1}
              style={{ transform: `translateY(${start - top}px)` }}
            >
              <BlockRow
                block={block}
                voice={voiceOf(block)}
                hits={hits.get(index) ?? NO_HITS}
                currentHit={search.current.value?.block === index ? search.current.value : null}
                marksUnsure={marksUnsure}
                onSpeaker={onSpeaker}
                onTime={onTime}
              />
            </li>
          )
        )
      })}
    </ol>
  )
}

/** The rows near the window, and those that have the focus or are selected. */
function rowsToRender({
  first,
  last,
  count,
  list,
}: {
  first: number
  last: number
  count: number
  list: HTMLElement | null
}): number[] {
  const indexes = new Set<number>()
  const add = (from: number, to: number) => {
    for (let index = Math.max(0, from); index <= Math.min(to, count - 1); index += 1) indexes.add(index)
  }
  add(first, last)
  const focused = list?.contains(document.activeElement)
    ? document.activeElement?.closest('[data-index]')?.getAttribute('data-index')
    : null
  if (focused) add(Number(focused), Number(focused))
  const selected = list && selectedBlocks(list)
  // A selection needs all rows between its ends.
  if (selected) add(Math.min(selected.first, first), Math.max(selected.last, last))
  return [...indexes].sort((a, b) => a - b)
}

/** Where the list begins in the document, and its width, after each change of the layout. */
function usePlaceOf(list: { readonly current: HTMLElement | null }): { top: number; width: number } {
  const [place, setPlace] = useState({ top: 0, width: 640 })
  useLayoutEffect(() => {
    const measure = () => {
      const box = list.current?.getBoundingClientRect()
      if (!box) return
      const top = Math.round(box.top + scrollY)
      setPlace((last) => (last.top === top && last.width === box.width ? last : { top, width: box.width }))
    }
    measure()
    const resized = new ResizeObserver(measure)
    resized.observe(document.body)
    return () => resized.disconnect()
  }, [])
  return place
}

/** The name and the colour of whoever speaks in a block. */
function voicesOf({ speakers }: Reading, channelName: (number: number) => string) {
  const indexes = new Map(
    speakers.value.map(({ id, name }, index) => [id, { name: name ?? id, color: index }]),
  )
  return ({ speaker, channel }: Block) => {
    // Provisional speakers are not listed yet.
    if (speaker !== null) return indexes.get(speaker) ?? { name: speaker, color: speaker.charCodeAt(0) - 65 }
    return channel === null ? null : { name: channelName(channel + 1), color: channel }
  }
}
