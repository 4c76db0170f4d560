import { type Browser, chromium } from 'playwright-core'

/** Ubuntu’s chromium-browser may be a script that only says how to install one. */
const isBrowser = (path: string) => Bun.spawnSync([path, '--version']).success
const CHROMIUM =
  process.env.CHROMIUM ??
  ['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) => Bun.which(name) ?? []).find(isBrowser)

if (!CHROMIUM && process.env.CI)
  throw new Error('There is no Chromium: install it, or set CHROMIUM to its path')

/** A browser is not among what a newcomer needs to have: where there is none, its tests wait for CI. */
export const hasBrowser = CHROMIUM !== undefined

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--autoplay-policy=no-user-gesture-required',
    ],
  })
}
