// Measures the first view of the page in Chromium: bytes, and the times until it is painted and can be used.
//
//   bun bench/page/main.ts [--runs 10]
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../../test/support/browser.ts'
import { startService, withFolder } from '../../test/support/service.ts'
import { readOptions } from '../shared/options.ts'
import { markdownTable, spread } from '../shared/tables.ts'

const options = readOptions({ runs: 10 })

/** `slow phone`: Lighthouse's simulated conditions for phones. */
const CONDITIONS = [
  { name: 'this machine', latencyMs: 0, bytesPerSecond: -1, slowdown: 1 },
  { name: 'slow phone', latencyMs: 150, bytesPerSecond: 204_800, slowdown: 4 },
]

type Conditions = (typeof CONDITIONS)[number]

/** Opens the page without cache. `paintMs`, `usableMs`: until the first text, and until the form to log in. */
async function open(
  browser: Browser,
  { url, latencyMs, bytesPerSecond, slowdown }: Conditions & { url: string },
) {
  const page = await browser.newPage()
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: latencyMs,
    downloadThroughput: bytesPerSecond,
    uploadThroughput: bytesPerSecond,
  })
  await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown })
  const bytes = { script: 0, all: 0 }
  const types = new Map<string, string>()
  session.on('Network.responseReceived', ({ requestId, type }) => types.set(requestId, type))
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    bytes.all += encodedDataLength
    if (types.get(requestId) === 'Script') bytes.script += encodedDataLength
  })
  await page.goto(url)
  await page.getByLabel('Email').waitFor()
  const usableMs = await page.evaluate(() => performance.now())
  const paintMs = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
  )
  await page.close()
  return { paintMs, usableMs, ...bytes }
}

await withFolder(async (folder) => {
  // The page needs no engine.
  const service = await startService({ DATA_DIR: folder, SIDECAR_URL: 'http://127.0.0.1:9' })
  const browser = await launchBrowser()
  // The first request builds the page.
  const buildBegun = performance.now()
  await (await fetch(service.url, { headers: { accept: 'text/html' } })).text()
  const buildMs = performance.now() - buildBegun
  const rows = []
  for (const conditions of CONDITIONS) {
    const views = []
    for (let run = 0; run < options.runs; run += 1) {
      views.push(await open(browser, { ...conditions, url: service.url }))
    }
    rows.push([
      conditions.name,
      spread(
        views.map(({ script }) => script / 1000),
        1,
      ),
      spread(
        views.map(({ all }) => all / 1000),
        1,
      ),
      spread(
        views.map(({ paintMs }) => paintMs),
        0,
      ),
      spread(
        views.map(({ usableMs }) => usableMs),
        0,
      ),
    ])
  }
  console.log(`\nThe first request, which builds the page: ${buildMs.toFixed(0)} ms\n`)
  console.log(
    markdownTable(['first view', 'scripts, kB', 'everything, kB', 'first paint, ms', 'usable, ms'], rows),
  )
  await browser.close()
  await service.kill('SIGTERM')
})
