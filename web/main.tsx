import './style/main.css'
import { effect } from '@preact/signals'
import { render } from 'preact'
import { App } from './app.tsx'
import { locale } from './i18n/messages.ts'
import { startRouter } from './routing/router.ts'
import { installShareTarget } from './share/install.ts'
import { applyTheme } from './theme/theme.ts'

applyTheme()
startRouter()
installShareTarget()
effect(() => {
  document.documentElement.lang = locale.value
})
render(<App />, document.getElementById('app') ?? document.body)
