import { effect, signal } from '@preact/signals'
import type { Unit } from './blocks.ts'
import type { Player } from './player.ts'
import type { Reading } from './reading.ts'
import type { Hit } from './search.ts'
import type { Rows } from './use-virtualizer.ts'

/** What is shown is scrolled to this part of the free height. */
const TARGET = 0.3
const SCROLL_KEYS = ['PageUp', 'PageDown', 'ArrowUp', 'ArrowDown', 'Home', 'End']

type Target = { selector: string; block: number }

export type ReadAlong = ReturnType<typeof createReadAlong>

/** Highlights the spoken word, and scrolls to it until the user scrolls. */
export function createReadAlong({ reading, player }: { reading: Reading; player: Player }) {
  const isFollowing = signal(true)
  let list: HTMLElement | null = null
  let rows: Rows | null = null
  let current: Unit | null = null
  let marked: Element | null = null
  /** Is scrolled to once its row is rendered. */
  let awaited: Target | null = null

  const find = (selector: string) => list?.querySelector(selector) ?? null
  const targetOf = (unit: Unit): Target => ({
    selector: `[data-unit="${unit.index}"]`,
    block: reading.timeline.value.blockOf(unit),
  })

  /** The attribute is set without a render; the list is rendered only when it scrolls. */
  function mark() {
    const next = current && find(targetOf(current).selector)
    if (next === marked) return
    marked?.removeAttribute('data-now')
    next?.setAttribute('data-now', '')
    marked = next
  }

  function reveal(target: Target, { isInstant = false } = {}) {
    const element = find(target.selector)
    if (!element) {
      awaited = target
      rows?.scrollToIndex(target.block, { align: 'start' })
      return
    }
    awaited = null
    const { top, bottom } = freeArea()
    const box = element.getBoundingClientRect()
    if (box.top >= top && box.bottom <= bottom) return
    const isSmooth = !isInstant && !matchMedia('(prefers-reduced-motion: reduce)').matches
    scrollBy({ top: box.top - top - (bottom - top) * TARGET, behavior: isSmooth ? 'smooth' : 'instant' })
  }

  function show(seconds: number) {
    const unit = reading.timeline.value.at(seconds)
    if (unit === current) return
    current = unit
    mark()
    if (unit && isFollowing.value && seconds > 0) reveal(targetOf(unit))
  }

  function follow() {
    isFollowing.value = true
    const unit = current ?? reading.timeline.value.step(player.seconds(), 0)
    if (unit) reveal(targetOf(unit))
  }

  const stopFollowing = () => {
    awaited = null
    isFollowing.value = false
  }
  const onKey = ({ key, defaultPrevented, target }: KeyboardEvent) => {
    const isField = target instanceof Element && target.matches('input, select, textarea')
    if (SCROLL_KEYS.includes(key) && !defaultPrevented && !isField) stopFollowing()
  }
  const onPointer = ({ target }: PointerEvent) => {
    // The scroll bar.
    if (target === document.documentElement) stopFollowing()
  }
  addEventListener('wheel', stopFollowing, { passive: true })
  addEventListener('touchmove', stopFollowing, { passive: true })
  addEventListener('keydown', onKey)
  addEventListener('pointerdown', onPointer)

  const stops = [
    player.onTime(show),
    effect(() => {
      if (player.isPlaying.value) follow()
    }),
    // Units of other segments are other objects.
    effect(() => {
      reading.timeline.value
      current = null
      show(player.seconds())
    }),
  ]

  return {
    isFollowing,
    follow,
    stopFollowing,
    attach(nextList: HTMLElement | null, nextRows: Rows) {
      list = nextList
      rows = nextRows
    },
    /** After each render of the list. */
    rendered() {
      mark()
      if (awaited && find(awaited.selector)) reveal(awaited, { isInstant: true })
    },
    showHit({ index, block }: Hit) {
      isFollowing.value = false
      reveal({ selector: `[data-hit="${index}"]`, block })
    },
    /** Moves the position to a unit; the audio plays on, or stays paused. */
    goTo(unit: Unit) {
      isFollowing.value = true
      player.seek(unit.start)
      reveal(targetOf(unit))
    },
    close() {
      removeEventListener('wheel', stopFollowing)
      removeEventListener('touchmove', stopFollowing)
      removeEventListener('keydown', onKey)
      removeEventListener('pointerdown', onPointer)
      for (const stop of stops) stop()
    },
  }
}

/** The part of the window that the tools above and the player below leave free. */
function freeArea(): { top: number; bottom: number } {
  const tools = document.querySelector('.reading-tools')?.getBoundingClientRect()
  const player = document.querySelector('.player')?.getBoundingClientRect()
  return { top: Math.max(0, tools?.bottom ?? 0), bottom: player?.top ?? innerHeight }
}
