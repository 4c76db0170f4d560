import type { Player } from './player.ts'

/** Browsers limit how often the address may change: Safari to 100 times in 30 seconds. */
const INTERVAL_MS = 2000

/** Keeps the position of the player in the address (`?t=`), so that a reload or a shared link returns to it. */
export function keepPosition(player: Player): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const { pathname } = location
  const write = () => {
    timer = undefined
    if (location.pathname !== pathname) return
    const url = new URL(location.href)
    url.searchParams.set('t', player.seconds().toFixed(2))
    // The views do not follow: they would seek to where the player was.
    history.replaceState(history.state, '', url)
  }
  let isFirst = true
  const stop = player.onTime(() => {
    // The address has the first position already, if it is not 0.
    if (!isFirst && player.seconds() > 0) timer ??= setTimeout(write, INTERVAL_MS)
    isFirst = false
  })
  return () => {
    clearTimeout(timer)
    stop()
  }
}
