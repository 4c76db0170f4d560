import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { logOut } from '../account/log-out.ts'
import { session } from '../api/session.ts'
import { messages } from '../i18n/messages.ts'
import { place } from '../routing/router.ts'

/** The frame of every view. `title` is announced when the view changes. */
export function Layout({ title, children }: { title: string; children: ComponentChildren }) {
  const t = messages.value
  const main = useRef<HTMLElement>(null)
  const { path } = place.value
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${title} · ${t.brand}`
  }, [title, t])
  // A layout effect, so that no key is lost that is pressed as the view appears.
  useLayoutEffect(() => {
    // A screen reader continues at the new view, as it does after a new document.
    if (!isFirst.current) main.current?.focus()
    isFirst.current = false
  }, [path])
  return (
    <>
      <a class="skip button" href="#main">
        {t.skipToContent}
      </a>
      <header class="top">
        <div>
          <a class="brand" href="/">
            <Mark />
            {t.brand}
          </a>
          <nav aria-label={t.navigation}>
            {session.value && (
              <>
                <a href="/" class="wide" aria-current={path === '/' ? 'page' : undefined}>
                  {t.library}
                </a>
                <a href="/settings" aria-current={path === '/settings' ? 'page' : undefined}>
                  {t.settings}
                </a>
              </>
            )}
            <a href="/swagger">{t.apiReference}</a>
            {session.value && (
              <button type="button" class="wide" onClick={logOut}>
                {t.logOut}
              </button>
            )}
          </nav>
        </div>
      </header>
      <main id="main" class="main" tabIndex={-1} ref={main}>
        {children}
      </main>
    </>
  )
}

function Mark() {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2.2"
      stroke-linecap="round"
      aria-hidden="true"
    >
      <path d="M3 10v4M7.5 6v12M12 9v6M16.5 4v16M21 10v4" />
    </svg>
  )
}
