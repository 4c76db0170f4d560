import {
  measureElement,
  observeWindowOffset,
  observeWindowRect,
  Virtualizer,
  windowScroll,
} from '@tanstack/virtual-core'
import { useLayoutEffect, useReducer, useState } from 'preact/hooks'

export type Rows = Virtualizer<Window, HTMLElement>

type Options = {
  count: number
  estimateSize: (index: number) => number
  rangeExtractor: (range: { startIndex: number; endIndex: number }) => number[]
  /** Where the list begins in the document. */
  scrollMargin: number
  /** What covers the top and the bottom of the window. */
  scrollPaddingStart: number
  scrollPaddingEnd: number
}

/** TanStack Virtual for a list that scrolls with the window. */
export function useVirtualizer(options: Options): Rows {
  const [, render] = useReducer<number, void>((count) => count + 1, 0)
  const all = {
    ...options,
    getScrollElement: () => window,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    measureElement,
    initialOffset: () => window.scrollY,
    onChange: () => render(),
  }
  const [rows] = useState(() => new Virtualizer<Window, HTMLElement>(all))
  rows.setOptions(all)
  useLayoutEffect(() => rows._didMount(), [])
  useLayoutEffect(() => rows._willUpdate())
  return rows
}
