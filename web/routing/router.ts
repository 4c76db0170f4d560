import { signal } from '@preact/signals'

type Place = { path: string; query: URLSearchParams }

const currentPlace = (): Place => ({
  path: location.pathname.replace(/(.)\/$/, '$1'),
  query: new URLSearchParams(location.search),
})

/** Where the page is. A component that reads it is rendered again after each navigation. */
export const place = signal(currentPlace())

/** Opens a view of the page. `replaces`: without a new entry in the history. */
export function navigate(to: string, { replaces = false } = {}): void {
  if (replaces) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  place.value = currentPlace()
  if (!replaces) scrollTo(0, 0)
}

/** Lets plain links open views without loading the document again. Links with `target` or `download` do not. */
export function startRouter(): void {
  addEventListener('popstate', () => {
    place.value = currentPlace()
  })
  document.addEventListener('click', (event) => {
    const { target } = event
    const link = target instanceof Element ? target.closest('a') : null
    if (!link || !isOwnClick(event, link)) return
    event.preventDefault()
    navigate(link.pathname + link.search + link.hash)
  })
}

/** Paths that other routes of the server serve. */
const SERVED_ELSEWHERE = ['/swagger', '/api/', '/v1/']

function isOwnClick(event: MouseEvent, link: HTMLAnchorElement): boolean {
  if (event.defaultPrevented || event.button !== 0) return false
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return false
  if (link.target || link.hasAttribute('download') || link.origin !== location.origin) return false
  const isAnchor = link.hash !== '' && link.pathname === location.pathname && link.search === location.search
  return !isAnchor && !SERVED_ELSEWHERE.some((prefix) => link.pathname.startsWith(prefix))
}
