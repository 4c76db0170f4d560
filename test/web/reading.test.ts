import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { concatenated } from '../../src/bytes.ts'
import { wavOf } from '../../src/media/wav.ts'
import { hasBrowser, launchBrowser } from '../support/browser.ts'
import { signUp } from '../support/client.ts'
import { faster, fixturePcm, silence } from '../support/pcm.ts'
import { type RunningService, startService } from '../support/service.ts'
import { expectAccessible, expectFits, openPage, type Problems } from './pages.ts'

type Word = { start: number; end: number; word: string }

/** The highlight is drawn in the frame after the position was read. */
const FRAME_SECONDS = 0.12
const PAUSE_SECONDS = 5

describe.skipIf(!hasBrowser)('the reading view in a real browser', () => {
  let folder: string
  let service: RunningService
  let browser: Browser
  let page: Page
  let user: Awaited<ReturnType<typeof signUp>>
  let id: string
  let words: Word[]
  let recording: Blob
  const problems: Problems = { outside: [], errors: [] }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
    service = await startService({ DATA_DIR: folder })
    await service.ready
    browser = await launchBrowser()
    user = await signUp(service.url)
    const voice = await fixturePcm('speech.wav')
    const pause = silence(PAUSE_SECONDS)
    // Faster, so the voice of another person.
    const parts = [voice, pause, faster(voice, 1.35), pause, voice]
    recording = new Blob([wavOf(concatenated(parts))])
    page = await openReader()
  }, 600_000)

  afterAll(async () => {
    await browser?.close()
    await service?.kill('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }, 600_000)

  async function openReader(path = '/', options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const reader = await openPage(browser, { url: service.url, problems, options })
    await reader.evaluate((access) => {
      const session = { access, refresh: null, expiresAt: Number.MAX_SAFE_INTEGER }
      localStorage.setItem('verbatim.session', JSON.stringify(session))
    }, user.key)
    await reader.goto(`${service.url}${path}`)
    return reader
  }

  const audioOf = (on: Page) =>
    on.evaluate(() => {
      const audio = document.querySelector('audio')
      return { seconds: audio?.currentTime ?? Number.NaN, isPaused: audio?.paused }
    })
  const wordAt = (index: number) => page.locator(`[data-unit="${index}"]`)
  const speakers = () => page.locator('.speakers li')

  test('shows the text while it is written, and the final one', async () => {
    id = await user.upload(recording, { language: 'en', words: 'true', speakers: 'true' })
    // As a link of the page does, so that the view is there before the text is.
    await page.evaluate((path) => {
      history.pushState(null, '', path)
      dispatchEvent(new PopStateEvent('popstate'))
    }, `/t/${id}`)
    await page.locator('.open-state').waitFor()
    await shoot(page, 'in-progress')
    await speakers().nth(1).waitFor()
    expect(await page.locator('.open-state').count()).toBe(0)
    expect(await page.locator('.block').count()).toBe(3)
    words = JSON.parse(await user.transcript(id, 'json')).segments.flatMap(
      ({ words }: { words: Word[] }) => words,
    )
    await expectAccessible(page)
    await shoot(page, 'speakers')
  }, 600_000)

  test('highlights the word that is heard, from a clicked word on', async () => {
    for (const index of [2, 12, words.length - 14]) {
      const word = words[index]
      if (!word) throw new Error(`There is no word ${index}`)
      await wordAt(index).click()
      await page.waitForFunction(
        (start) => (document.querySelector('audio')?.currentTime ?? 0) > start + 0.4,
        word.start,
      )
      const { seconds, isPaused } = await audioOf(page)
      expect(isPaused).toBe(false)
      expect(seconds).toBeLessThan(word.start + 5)
      for (const { seconds, text } of await highlightedWords(page)) {
        expect(heardAt(words, seconds)).toContain(text)
      }
    }
    await shoot(page, 'playing')
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.waitForURL((url) => Number(url.searchParams.get('t')) > 10)
  }, 600_000)

  test('skips silence', async () => {
    const after = words.find(({ start }, index) => start - (words[index - 1]?.end ?? start) > 3)
    const before = words[words.indexOf(after ?? { start: 0, end: 0, word: '' }) - 1]
    if (!after || !before) throw new Error('The recording has no pause')
    await page.getByLabel('Skip silence').check()
    await wordAt(words.indexOf(before)).click()
    await page.waitForFunction(
      (start) => (document.querySelector('audio')?.currentTime ?? 0) >= start,
      after.start - 0.3,
    )
    expect(await hasPlayed(page, (before.end + after.start) / 2)).toBe(false)
    expect(await hasPlayed(page, before.end - 0.1)).toBe(true)
    await page.getByLabel('Skip silence').uncheck()
    await page.getByRole('button', { name: 'Pause' }).click()
  }, 600_000)

  test('names and merges speakers, also in a downloaded file', async () => {
    await page.getByRole('button', { name: 'Rename A' }).first().click()
    await page.getByLabel('Name', { exact: true }).fill('Ada')
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('A is now Ada.').waitFor()
    const srt = await download(page, 'Subtitles (.srt)')
    expect(srt.name).toBe('recording.srt')
    expect(srt.text).toContain('Ada: The old library')
    expect(srt.text).toContain('B: The old library')

    await page.getByRole('button', { name: 'Rename B' }).first().click()
    await page.getByLabel('Same person as').selectOption('Ada')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('B and Ada are now one.').waitFor()
    expect(await speakers().count()).toBe(1)
    await page.getByRole('button', { name: 'Undo' }).click()
    await speakers().nth(1).waitFor()
    expect((await download(page, 'Text (.txt)')).text).toMatch(/^Ada: .*\nB: .*\nAda: .*\n$/)
  }, 600_000)

  test('finds a phrase, whatever its case', async () => {
    await page.keyboard.press('Control+f')
    await page.keyboard.type('GOOD boo')
    await page.getByText('3 found').waitFor()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    const match = page.locator('mark.current')
    expect((await match.allTextContents()).join('')).toContain('good')
    expect(await page.locator('.hits-count').textContent()).toMatch(/of 3$/)
    expect(
      await match.first().evaluate((element) => element.getBoundingClientRect().bottom < innerHeight),
    ).toBe(true)
    await page.keyboard.press('Escape')
    expect(await page.locator('mark').count()).toBe(0)
  }, 600_000)

  test('is used with the keyboard only', async () => {
    const { keyboard } = page
    await page.locator('#main').focus()
    await keyboard.press('Shift+ArrowRight')
    await keyboard.press('k')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await keyboard.press('k')
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor()
    const before = (await audioOf(page)).seconds
    await keyboard.press('j')
    expect((await audioOf(page)).seconds).toBeLessThan(before)
    await keyboard.press('Shift+?')
    await page.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor()
    await expectAccessible(page)
    await keyboard.press('Escape')
    const slider = page.getByRole('slider', { name: 'Position' })
    await slider.focus()
    await keyboard.press('Home')
    await keyboard.press('PageUp')
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/^(0:\d\d) of \1$/)
    await keyboard.press('Home')
    await tabTo(page, 'Play from 0:00')
    await keyboard.press('Enter')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await keyboard.press('k')
  }, 600_000)

  test('fits a phone, in the dark and in German', async () => {
    const phone = await openReader(`/t/${id}?t=${words[20]?.start}&q=library`, {
      viewport: { width: 375, height: 740 },
      colorScheme: 'dark',
      locale: 'de-DE',
    })
    await phone.locator('[data-now]').waitFor()
    expect(await phone.locator('[data-now]').textContent()).toBe(words[20]?.word.trim() ?? '')
    expect(await phone.locator('mark').count()).toBeGreaterThan(0)
    await expectFits(phone)
    await expectAccessible(phone)
    await shoot(phone, 'phone')
    await phone.context().close()
  }, 600_000)

  test('renews an audio link that has expired', async () => {
    const reader = await openPage(browser, { url: service.url, problems })
    await reader.route(
      `**/api/transcriptions/${id}`,
      async (route) => {
        const response = await route.fetch()
        const status = await response.json()
        const audio_file = status.audio_file.replace(/signature=..../, 'signature=0000')
        await route.fulfill({ response, json: { ...status, audio_file } })
      },
      { times: 1 },
    )
    await reader.evaluate(
      (access) =>
        localStorage.setItem('verbatim.session', JSON.stringify({ access, refresh: null, expiresAt: 9e15 })),
      user.key,
    )
    await reader.goto(`${service.url}/t/${id}`)
    await reader.getByRole('button', { name: 'Play', exact: true }).click()
    await reader.waitForFunction(() => (document.querySelector('audio')?.currentTime ?? 0) > 0.2)
    await reader.context().close()
  }, 600_000)

  test('says that a transcription was canceled, and what to do', async () => {
    const canceled = await user.upload(recording)
    await fetch(`${service.url}/api/transcriptions/${canceled}/cancel`, {
      method: 'POST',
      headers: user.headers,
    })
    await page.goto(`${service.url}/t/${canceled}`)
    await page.getByRole('heading', { name: 'Canceled' }).waitFor()
    await page.getByText('upload the recording again').waitFor()
    await expectAccessible(page)
  }, 600_000)

  test('deletes a transcription, and undoes that', async () => {
    await page.goto(`${service.url}/t/${id}`)
    await page.getByRole('button', { name: 'Delete recording' }).click()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.locator(`a[href="/t/${id}"]`).waitFor()
  }, 600_000)

  test('loads nothing from other hosts, and breaks no rule of its policy', () => {
    expect(problems).toEqual({ outside: [], errors: [] })
  })
})

/** The highlighted word in some frames, with the position of the audio. */
function highlightedWords(page: Page): Promise<{ seconds: number; text: string }[]> {
  return page.evaluate(async () => {
    const samples: { seconds: number; text: string }[] = []
    for (let frame = 0; frame < 40; frame += 1) {
      await new Promise(requestAnimationFrame)
      const seconds = document.querySelector('audio')?.currentTime ?? Number.NaN
      samples.push({ seconds, text: document.querySelector('[data-now]')?.textContent ?? '' })
    }
    return samples
  })
}

/** Whether the browser has played this time of the audio. */
function hasPlayed(page: Page, seconds: number): Promise<boolean> {
  return page.evaluate((seconds) => {
    const played = document.querySelector('audio')?.played
    const ranges = Array.from({ length: played?.length ?? 0 }, (_, index) => index)
    return ranges.some((index) => played && played.start(index) <= seconds && seconds < played.end(index))
  }, seconds)
}

/** The words that may be highlighted at a time: the one that is heard, and the one of the frame before. */
function heardAt(words: readonly Word[], seconds: number): string[] {
  return [seconds, seconds - FRAME_SECONDS].map((time) => {
    const word = words.findLast(({ start }) => start <= time)
    return word && time < word.end + 1 ? word.word.trim() : ''
  })
}

async function download(page: Page, label: string): Promise<{ name: string; text: string }> {
  await page.locator('summary[aria-label=Download]').click()
  const begun = page.waitForEvent('download')
  await page.getByRole('button', { name: label }).click()
  const file = await begun
  return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') }
}

/** Presses Tab until the control with this name has the focus. */
async function tabTo(page: Page, name: string) {
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab')
    const label = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
    if (label === name) return
  }
  expect.unreachable(`Tab does not reach ${name}`)
}

/** Saves a screenshot to the folder SCREENSHOTS, if it is set. */
async function shoot(page: Page, name: string) {
  const folder = process.env.SCREENSHOTS
  if (folder) await page.screenshot({ path: join(folder, `reading-${name}.png`) })
}
