import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { hasBrowser, launchBrowser } from '../support/browser.ts'
import { signUp } from '../support/client.ts'
import { type RunningService, startService } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'

describe.skipIf(!hasBrowser)('Swagger in a real browser', () => {
  let folder: string
  let service: RunningService
  let browser: Browser
  let page: Page
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

  beforeEach(async () => {
    // A new browser context has no stored authorization.
    page = await browser.newPage({ viewport: { width: 1200, height: 1400 } })
    page.setDefaultTimeout(300_000)
    page.on('request', (request) => {
      if (new URL(request.url()).host !== new URL(service.url).host && !request.url().startsWith('data:')) {
        outside.push(request.url())
      }
    })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) problems.push(message.text())
    })
  })
  afterEach(() => page?.close())

  test.each(['token', 'key'] as const)(
    'authorizes by %s, uploads a file and reads its transcription',
    async (kind) => {
      const user = await signUp(service.url)
      await page.goto(`${service.url}/swagger`)
      await page.getByRole('button', { name: 'Authorize' }).first().click()
      await page.locator('.auth-container input').fill(user[kind])
      await page.locator('.auth-container').getByRole('button', { name: 'Apply credentials' }).click()
      await page.locator('.auth-container').getByRole('button', { name: 'Close' }).click()

      const upload = page.locator('#operations-Transcriptions-postApiTranscribe')
      await upload.locator('.opblock-summary').click()
      await upload.getByRole('button', { name: 'Try it out' }).click()
      await upload.locator('input[type=file]').setInputFiles(join(ROOT, 'test/fixtures/speech.mp3'))
      await upload.getByRole('button', { name: 'Execute' }).click()
      const answer = upload.locator('.live-responses-table .response')
      await answer.locator('td.response-col_status', { hasText: '202' }).waitFor()
      const id = /"transcription_id": "([0-9a-f-]{36})"/.exec((await answer.textContent()) ?? '')?.[1] ?? ''
      await shoot(page, 'upload')
      await user.finished(id)

      const status = page.locator('.opblock-get', { hasText: 'Status and text of a transcription' })
      await status.locator('.opblock-summary').click()
      await status.getByRole('button', { name: 'Try it out' }).click()
      await status.locator('tr[data-param-name=id] input').fill(id)
      await status.getByRole('button', { name: 'Execute' }).click()
      const read = status.locator('.live-responses-table .response')
      await read.locator('td.response-col_status', { hasText: '200' }).waitFor()
      expect(await read.textContent()).toContain('the river')
      // The form is sent with its defaults.
      expect(await read.textContent()).toMatch(/"start": null,\s*"end": null/)
      await shoot(page, 'status')
      expect(outside).toEqual([])
      expect(problems).toEqual([])
    },
    600_000,
  )
})

/** Saves a screenshot to the folder SCREENSHOTS, if it is set. */
async function shoot(page: Page, name: string) {
  const folder = process.env.SCREENSHOTS
  if (folder) await page.screenshot({ path: join(folder, `swagger-${name}.png`), fullPage: true })
}
