// Measures the reading view with a long transcript in Chromium: time until its text is shown, memory, and frames while it
// is scrolled and played.
//
//   bun bench/reading/main.ts [--hours 3]
import type { CDPSession, Page } from 'playwright-core'
import { launchBrowser } from '../../test/support/browser.ts'
import { readOptions } from '../shared/options.ts'
import { markdownTable } from '../shared/tables.ts'
import { ID, servePage } from './server.ts'

const { hours } = readOptions({ hours: 3 })
const FRAMES = 300
const SESSION = JSON.stringify({ access: 'token', refresh: null, expiresAt: Number.MAX_SAFE_INTEGER })

const server = await servePage({ seconds: hours * 3600 })
const browser = await launchBrowser()
const page = await browser.newPage({ viewport: { width: 1200, height: 850 } })
await page.addInitScript((session) => localStorage.setItem('verbatim.session', session), SESSION)
const session = await page.context().newCDPSession(page)
await session.send('Network.enable')
await session.send('Performance.enable')
let scriptBytes = 0
const scripts = new Set<string>()
session.on('Network.responseReceived', ({ requestId, type }) => type === 'Script' && scripts.add(requestId))
session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
  if (scripts.has(requestId)) scriptBytes += encodedDataLength
})

await page.goto(`${server.url}/t/${ID}`)
await page.locator('.block').first().waitFor()
const shownMs = await page.evaluate(() => performance.now())
const opened = await metricsOf(session)
const scrolled = await framesWhile(page, { pixels: 80 })
const flung = await framesWhile(page, { pixels: 1500 })
await page.getByRole('button', { name: 'Play' }).first().click()
const played = await framesWhile(page, { pixels: 0 })
await page.getByLabel('Search in this transcript').fill('library')
await page.getByText('found').waitFor()
const used = await metricsOf(session)

console.log(
  `\n${hours} h, ${opened.words} words; scripts ${(scriptBytes / 1000).toFixed(1)} kB; text shown after ${shownMs.toFixed(0)} ms\n`,
)
console.log(
  markdownTable(
    ['', 'JavaScript heap, MB', 'DOM nodes'],
    [
      ['opened', opened.heapMb, opened.nodes],
      ['scrolled, played and searched', used.heapMb, used.nodes],
    ],
  ),
)
console.log(
  markdownTable(
    ['frames', 'median, ms', '95 %, ms', 'longest, ms'],
    [
      ['scrolling 80 px a frame', ...scrolled],
      ['scrolling 1500 px a frame', ...flung],
      ['playing', ...played],
    ],
  ),
)
await browser.close()
server.stop()

/** After a garbage collection. */
async function metricsOf(session: CDPSession) {
  await session.send('HeapProfiler.collectGarbage')
  const { metrics } = await session.send('Performance.getMetrics')
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN
  return {
    heapMb: (value('JSHeapUsedSize') / 1e6).toFixed(1),
    nodes: String(value('Nodes')),
    words: server.words,
  }
}

/** The times of frames while the page scrolls by `pixels` in each. */
async function framesWhile(page: Page, { pixels }: { pixels: number }): Promise<string[]> {
  const times = await page.evaluate(
    async ({ pixels, frames }) => {
      const times: number[] = []
      let last = await new Promise(requestAnimationFrame)
      for (let frame = 0; frame < frames; frame += 1) {
        scrollBy(0, pixels)
        const now = await new Promise(requestAnimationFrame)
        times.push(now - last)
        last = now
      }
      return times
    },
    { pixels, frames: FRAMES },
  )
  const sorted = times.toSorted((a, b) => a - b)
  return [0.5, 0.95, 1].map((share) =>
    (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(1),
  )
}
