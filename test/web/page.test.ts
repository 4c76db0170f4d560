import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { source as AXE } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { hasBrowser, launchBrowser } from '../support/browser.ts'
import { type RunningService, startService } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'

const SPEECH = join(ROOT, 'test/fixtures/speech.mp3')

describe.skipIf(!hasBrowser)('the page in a real browser', () => {
  let folder: string
  let service: RunningService
  let browser: Browser
  const outside: string[] = []
  const problems: string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
    service = await startService({ DATA_DIR: folder })
    await service.ready
    browser = await launchBrowser()
  }, 600_000)

  afterAll(async () => {
    await browser?.close()
    await service?.kill('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }, 600_000)

  async function openPage(): Promise<Page> {
    // A new context has no session.
    const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, locale: 'en-US' })
    const page = await context.newPage()
    page.setDefaultTimeout(120_000)
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url())
      if (/^http/.test(protocol) && host !== new URL(service.url).host) outside.push(request.url())
    })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) problems.push(message.text())
    })
    await page.goto(service.url)
    return page
  }

  async function signUp(page: Page) {
    await page.getByRole('link', { name: 'Create account' }).click()
    await page.getByLabel('Email').fill(`${crypto.randomUUID()}@example.com`)
    await page.getByLabel('Password').fill('correct horse battery')
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByText('No recordings yet').waitFor()
  }

  test('signs up, transcribes a file and finds it by its words', async () => {
    const page = await openPage()
    await expectAccessible(page)
    await signUp(page)
    await expectAccessible(page)
    await page.locator('input[type=file]').setInputFiles(SPEECH)
    const row = page.locator('.library-row')
    await page.locator('.library-row[data-status=completed]').waitFor()
    expect(await row.locator('.excerpt').textContent()).toContain('The old library')
    await page.getByLabel('Search in texts and names').fill('riv')
    const hit = row.locator('.hits a').first()
    await hit.waitFor()
    expect(await hit.locator('mark').textContent()).toBe('riv')
    await expectAccessible(page)
    expect({ outside, problems }).toEqual({ outside: [], problems: [] })
    await page.context().close()
  }, 600_000)
})

/** Fails with the rules of axe that the page breaks. */
async function expectAccessible(page: Page) {
  // Unlike a script element, this is not subject to the policy of the page.
  await page.evaluate(AXE)
  const violations = await page.evaluate(async () => {
    const { violations } = await Reflect.get(globalThis, 'axe').run()
    return violations.map(
      ({ id, nodes }: { id: string; nodes: { html: string }[] }) => `${id}: ${nodes[0]?.html}`,
    )
  })
  expect(violations).toEqual([])
}
