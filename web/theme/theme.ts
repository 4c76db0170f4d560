import { effect } from '@preact/signals'
import { stored } from '../stored.ts'

export const THEMES = ['system', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

const isTheme = (value: unknown): value is Theme => THEMES.some((theme) => theme === value)

export const theme = stored<Theme>('verbatim.theme', 'system', (value) => (isTheme(value) ? value : 'system'))

/** `style/tokens.css` reads the attribute; without it, the colours follow the system. */
export function applyTheme(): void {
  effect(() => {
    if (theme.value === 'system') document.documentElement.removeAttribute('data-theme')
    else document.documentElement.dataset.theme = theme.value
  })
}
