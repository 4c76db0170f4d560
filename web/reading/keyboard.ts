import { stored } from '../stored.ts'
import { changeRate, type Player, skipsSilence } from './player.ts'
import type { ReadAlong } from './read-along.ts'
import type { Reading } from './reading.ts'

/** Keys without a modifier can be turned off, for speech input (WCAG 2.1.4). */
export const hasKeys = stored('verbatim.keys', true, (value) => value !== false)

type Actions = {
  reading: Reading
  player: Player
  readAlong: ReadAlong
  focusSearch: () => void
  nextUnsure: (steps: number) => void
  showShortcuts: () => void
}

/** The keys as the list of shortcuts shows them; `reading.keys` of the messages has what they do. */
export const SHORTCUTS = [
  { id: 'toggle', keys: ['Space', 'K'] },
  { id: 'jump', keys: ['J', 'L'] },
  { id: 'seek', keys: ['←', '→'] },
  { id: 'word', keys: [',', '.'] },
  { id: 'block', keys: ['Shift ←', 'Shift →'] },
  { id: 'speed', keys: ['−', '+'] },
  { id: 'silence', keys: ['S'] },
  { id: 'follow', keys: ['F'] },
  { id: 'unsure', keys: ['U', 'Shift U'] },
  { id: 'search', keys: ['/', 'Ctrl F'] },
  { id: 'help', keys: ['?'] },
] as const

/** Controls that use some of the keys themselves. */
const FIELDS = 'input:not([type=checkbox]), select, textarea, [contenteditable], dialog *'
const PRESSED_BY_SPACE = 'button, summary, input'

/** Listens to the keys until the returned function is called. */
export function listenToKeys(actions: Actions): () => void {
  const commands = commandsOf(actions)
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'f') {
      // The text outside the window is not in the document. Pressed again, the key opens the search of the browser.
      if (document.activeElement?.closest('.search-within')) return
      event.preventDefault()
      actions.focusSearch()
      return
    }
    if (!hasKeys.value || event.ctrlKey || event.metaKey || event.altKey) return
    const element = event.target instanceof Element ? event.target : null
    if (element?.closest(FIELDS)) return
    if (event.key === ' ' && element?.closest(PRESSED_BY_SPACE)) return
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const command = commands.get(event.shiftKey && /^(Arrow|u$)/.test(key) ? `Shift ${key}` : key)
    if (!command) return
    event.preventDefault()
    command()
  }
  addEventListener('keydown', onKey)
  return () => removeEventListener('keydown', onKey)
}

function commandsOf({ reading, player, readAlong, ...actions }: Actions): Map<string, () => void> {
  const jump = (seconds: number) => () => player.seek(player.seconds() + seconds)
  const step = (steps: number) => () => {
    const unit = reading.timeline.value.step(player.seconds() + EPSILON, steps)
    if (unit) readAlong.goTo(unit)
  }
  const stepBlock = (steps: number) => () => {
    const { timeline, blocks } = reading
    const unit = timeline.value.step(player.seconds() + EPSILON, 0)
    const next = unit && blocks.value[timeline.value.blockOf(unit) + steps]?.units[0]
    if (next) readAlong.goTo(next)
  }
  const toggleSilence = () => {
    skipsSilence.value = !skipsSilence.value
  }
  return new Map([
    [' ', player.toggle],
    ['k', player.toggle],
    ['j', jump(-10)],
    ['l', jump(10)],
    ['ArrowLeft', jump(-5)],
    ['ArrowRight', jump(5)],
    [',', step(-1)],
    ['.', step(1)],
    ['Shift ArrowLeft', stepBlock(-1)],
    ['Shift ArrowRight', stepBlock(1)],
    ['-', () => changeRate(-1)],
    ['+', () => changeRate(1)],
    ['=', () => changeRate(1)],
    ['s', toggleSilence],
    ['f', readAlong.follow],
    ['u', () => actions.nextUnsure(1)],
    ['Shift u', () => actions.nextUnsure(-1)],
    ['/', actions.focusSearch],
    ['?', actions.showShortcuts],
  ])
}

/** The media element rounds positions, so that a seek can end just before a word. */
const EPSILON = 0.005
