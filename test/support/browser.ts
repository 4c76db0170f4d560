import { type Browser, chromium } from 'playwright-core'

/** Ubuntu’s chromium-browser may be a script that only prints how to install Chromium. */
const isBrowser = (path: string) => Bun.spawnSync([path, '--version']).success
const CHROMIUM =
  process.env.CHROMIUM ??
  ['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) => Bun.which(name) ?? []).find(isBrowser)

if (!CHROMIUM && process.env.CI)
  throw new Error('There is no Chromium: install it, or set CHROMIUM to its path')

/** Contributors need no browser: without one, these tests run in CI only. */
export const hasBrowser = CHROMIUM !== undefined

export function launchBrowser({ args = [] }: { args?: string[] } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--autoplay-policy=no-user-gesture-required',
      ...args,
    ],
  })
}
