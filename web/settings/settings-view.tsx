import { useEffect } from 'preact/hooks'
import { CodePanel } from '../code/code-panel.tsx'
import { messages } from '../i18n/messages.ts'
import { Account } from './account.tsx'
import { Appearance } from './appearance.tsx'
import { Keys } from './keys.tsx'
import { Webhooks } from './webhooks.tsx'

export function SettingsView() {
  useEffect(() => {
    document.getElementById(location.hash.slice(1))?.scrollIntoView()
  }, [])
  return (
    <div class="settings">
      <h1>{messages.value.settings}</h1>
      <Appearance />
      <Keys />
      <CodePanel />
      <Webhooks />
      <Account />
    </div>
  )
}
