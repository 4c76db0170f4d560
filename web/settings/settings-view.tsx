import { messages } from '../i18n/messages.ts'
import { Appearance } from './appearance.tsx'

export function SettingsView() {
  return (
    <div class="settings">
      <h1>{messages.value.settings}</h1>
      <Appearance />
    </div>
  )
}
