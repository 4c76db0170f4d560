import type { ComponentChildren } from 'preact'
import { AccountView } from './account/account-view.tsx'
import { session } from './api/session.ts'
import { messages } from './i18n/messages.ts'
import { Layout } from './layout/layout.tsx'
import { NotFound } from './layout/not-found.tsx'
import { LibraryView } from './library/library-view.tsx'
import { lazy } from './routing/lazy.tsx'
import { place } from './routing/router.ts'

const SettingsView = lazy(() =>
  import('./settings/settings-view.tsx').then(({ SettingsView }) => SettingsView),
)
const ReadingView = lazy(() => import('./reading/reading-view.tsx').then(({ ReadingView }) => ReadingView))

/** The view of the current path. `src/page/page.routes.ts` lists the same paths. */
export function App() {
  const { title, view } = currentView()
  return <Layout title={title}>{view}</Layout>
}

function currentView(): { title: string; view: ComponentChildren } {
  const t = messages.value
  const { path, query } = place.value
  if (!session.value) {
    const isSignUp = path === '/signup'
    return {
      title: isSignUp ? t.signUpTitle : t.logInTitle,
      view: <AccountView key={path} isSignUp={isSignUp} />,
    }
  }
  const id = /^\/t\/([\w-]+)$/.exec(path)?.[1]
  if (id)
    return {
      title: t.transcript,
      view: <ReadingView key={id} id={id} seconds={secondsIn(query)} words={query.get('q') ?? ''} />,
    }
  if (path === '/settings') return { title: t.settings, view: <SettingsView /> }
  // After a login the path may still be that of its form.
  if (['/', '/login', '/signup'].includes(path)) return { title: t.library, view: <LibraryView /> }
  return { title: t.notFoundTitle, view: <NotFound /> }
}

function secondsIn(query: URLSearchParams): number | null {
  const seconds = Number(query.get('t') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds : null
}
