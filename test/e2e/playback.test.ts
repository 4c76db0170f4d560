import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { hasBrowser, launchBrowser } from '../support/browser.ts'
import { signUp } from '../support/client.ts'
import { type RunningService, startService } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'

describe.skipIf(!hasBrowser)('audio_file in a real browser', () => {
  let folder: string
  let service: RunningService
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
    // These tests need no engine.
    service = await startService({ DATA_DIR: folder, SIDECAR_URL: 'http://127.0.0.1:9' })
    browser = await launchBrowser()
    page = await browser.newPage()
  }, 600_000)

  afterAll(async () => {
    await browser?.close()
    await service?.kill('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }, 600_000)

  test.each(['speech.wav', 'speech.mp3', 'speech.ogg', 'speech.webm', 'speech.flac'])(
    'plays and seeks in %s',
    async (name) => {
      const user = await signUp(service.url)
      const id = await user.upload(Bun.file(join(ROOT, 'test/fixtures', name)))
      const { audio_file } = await user.status(id)
      await page.setContent(`<audio src="${audio_file.replaceAll('&', '&amp;')}"></audio>`)
      const audio = page.locator('audio')
      const played = await audio.evaluate(async (element: HTMLAudioElement) => {
        const once = (name: string) =>
          new Promise<void>((resolve, reject) => {
            element.addEventListener(name, () => resolve(), { once: true })
            element.addEventListener('error', () => reject(new Error(element.error?.message)), { once: true })
          })
        await element.play()
        await once('timeupdate')
        element.pause()
        const sought = once('seeked')
        element.currentTime = 5
        await sought
        const at = element.currentTime
        await element.play()
        await once('ended')
        return { at, duration: element.duration, end: element.currentTime }
      })
      expect(played.at).toBeCloseTo(5, 1)
      expect(played.duration).toBeCloseTo(7.1, 0)
      expect(played.end).toBeCloseTo(played.duration, 1)
    },
    600_000,
  )
})
