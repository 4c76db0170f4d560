import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, CDPSession, Page, Request } from 'playwright-core'
import { concatenated } from '../../src/bytes.ts'
import { wavOf } from '../../src/media/wav.ts'
import { hasBrowser, launchBrowser } from '../support/browser.ts'
import { signUp as createUser } from '../support/client.ts'
import { fixturePcm, silence } from '../support/pcm.ts'
import { freePort, type RunningService, startService } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { expectAccessible, expectFits, openPage, type Problems } from './pages.ts'

const SPEECH = join(ROOT, 'test/fixtures/speech.mp3')
/** Longer than a span. The silence costs hardly any time. */
const PAUSE_SECONDS = 170
const KEYBOARD_STEPS = 60

describe.skipIf(!hasBrowser)('the page in a real browser', () => {
  let folder: string
  let env: Record<string, string>
  let service: RunningService
  let browser: Browser
  let page: Page
  /** A recording whose text arrives in several parts, and one whose upload takes a while. */
  let talk: Uint8Array
  let meeting: string
  const problems: Problems = { outside: [], errors: [] }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
    // It keeps its port over a restart.
    const port = String(freePort())
    env = { DATA_DIR: folder, PORT: port, OUTBOUND_ALLOW: '127.0.0.1', LOGINS_PER_MINUTE: '1000' }
    service = await startService(env)
    await service.ready
    const args = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']
    browser = await launchBrowser({ args })
    const pcm = await fixturePcm('speech.wav')
    const pause = silence(PAUSE_SECONDS)
    talk = wavOf(concatenated([pcm, pause, pcm, pause, pcm]))
    meeting = join(folder, 'meeting.wav')
    await Bun.write(meeting, wavOf(concatenated([pcm, pause])))
    page = await openPage(browser, { url: service.url, problems })
  }, 600_000)

  afterAll(async () => {
    await browser?.close()
    await service?.kill('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }, 600_000)

  const rowOf = (name: string, status: string) =>
    page.locator(`.library-row[data-status=${status}]`, { hasText: name })
  const chooseFiles = () => page.locator('.upload-panel input[type=file]')
  const library = () => page.getByRole('link', { name: 'Verbatim' }).click()

  async function signUp(on: Page, email = `${crypto.randomUUID()}@example.com`) {
    await on.getByRole('link', { name: 'Create account' }).click()
    await on.getByLabel('Email').fill(email)
    await on.getByLabel('Password').fill('correct horse battery')
    await on.getByRole('button', { name: 'Create account' }).click()
    await on.getByText('No recordings yet').waitFor()
  }

  test('signs up, logs out and logs in', async () => {
    await expectAccessible(page)
    const email = `${crypto.randomUUID()}@example.com`
    await signUp(page, email)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Password').fill('a wrong password')
    await page.locator('form').first().getByRole('button', { name: 'Log in' }).click()
    await page.getByText('Email or password is wrong').waitFor()
    await page.getByLabel('Password').fill('correct horse battery')
    await page.keyboard.press('Enter')
    await page.getByText('No recordings yet').waitFor()
    await expectAccessible(page)
    await shoot(page, 'empty')
  }, 600_000)

  test('shows the text of a dropped file while it is written', async () => {
    const data = await page.evaluateHandle((base64) => {
      const transfer = new DataTransfer()
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
      transfer.items.add(new File([bytes], 'talk.wav', { type: 'audio/wav' }))
      return transfer
    }, talk.toBase64())
    await page.dispatchEvent('main', 'dragover', { dataTransfer: data })
    await page.getByText('Drop to transcribe').waitFor()
    // The first connection breaks.
    let connections = 0
    await page.route('**/events', (route) => {
      connections += 1
      return connections === 1 ? route.abort() : route.continue()
    })
    await page.dispatchEvent('main', 'drop', { dataTransfer: data })
    const row = rowOf('talk.wav', 'processing')
    expect(await row.getByRole('log').textContent()).toContain('The old library')
    await shoot(page, 'live')
    await expectAccessible(page)
    await rowOf('talk.wav', 'completed').waitFor()
    await page.unroute('**/events')
  }, 600_000)

  test('finds the words of a transcript at their times', async () => {
    await page.getByLabel('Search in texts and names').fill('library')
    const hits = rowOf('talk.wav', 'completed').locator('.hits a')
    await hits.nth(1).waitFor()
    expect(await hits.nth(1).locator('mark').textContent()).toBe('library')
    const seconds = (
      await hits.evaluateAll((links: HTMLAnchorElement[]) => links.map(({ href }) => href))
    ).map((href) => Number(new URL(href).searchParams.get('t')))
    expect(seconds[0]).toBeLessThan(3)
    expect(seconds[1]).toBeGreaterThan(PAUSE_SECONDS)
    await expectAccessible(page)
    await shoot(page, 'search')
    await page.getByLabel('Search in texts and names').fill('zebra')
    await page.getByText('Nothing found').waitFor()
    await page.getByRole('button', { name: 'Show all' }).click()
  }, 600_000)

  test('deletes a transcription, and undoes that', async () => {
    const row = rowOf('talk.wav', 'completed')
    await page.getByRole('button', { name: 'Delete talk.wav' }).click()
    await row.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Undo' }).click()
    await row.waitFor()
    await page.getByRole('button', { name: 'Delete talk.wav' }).click()
    // Leaving the page deletes at once.
    await page.reload()
    await page.getByText('No recordings yet').waitFor()
  }, 600_000)

  test('resumes an upload after a reload, with the kept file and with the chosen one', async () => {
    const line = await throttle(page, { bytesPerSecond: 400_000 })
    const created = countRequests(
      page,
      (request) => request.method() === 'POST' && request.url().endsWith('/api/uploads'),
    )
    const offsets: number[] = []
    page.on('request', (request) => {
      if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']))
    })
    await chooseFiles().setInputFiles(meeting)
    await progressAbove(page, 0.1)
    await shoot(page, 'uploading')
    await expectAccessible(page)
    await page.reload()
    await progressAbove(page, 0.2)

    await page.getByRole('button', { name: 'Pause the upload of meeting.wav' }).click()
    await page.getByText('Paused').waitFor()
    // As in a browser that could not keep the file.
    await page.evaluate(
      () =>
        new Promise((resolve) => {
          indexedDB.open('verbatim').onsuccess = ({ target }) => {
            const database: IDBDatabase = Reflect.get(target ?? {}, 'result')
            const transaction = database.transaction('files', 'readwrite')
            transaction.objectStore('files').clear()
            transaction.oncomplete = resolve
          }
        }),
    )
    await page.reload()
    await page.getByText('Choose the same file again').waitFor()
    await line.detach()
    page.on('filechooser', (chooser) => chooser.setFiles(meeting))
    await page.getByRole('button', { name: 'Choose file', exact: true }).click()
    await rowOf('meeting.wav', 'completed').waitFor()
    expect(created.count).toBe(1)
    expect(offsets.length).toBeGreaterThanOrEqual(3)
    expect(offsets.toSorted((a, b) => a - b)).toEqual(offsets)
    // A busy server may have stored nothing of the first request when the page was left.
    expect(offsets.at(-1)).toBeGreaterThan(0)
  }, 600_000)

  test('continues when the server is back, and renews a token that the server refuses', async () => {
    const line = await throttle(page, { bytesPerSecond: 400_000 })
    await chooseFiles().setInputFiles(meeting)
    await progressAbove(page, 0.1)
    await service.kill('SIGKILL')
    await page.getByText('The server cannot be reached').first().waitFor()
    await shoot(page, 'offline')
    await line.detach()
    await replaceTokens(page, { access_token: 'no token of this server' })
    service = await startService(env)
    await rowOf('meeting.wav', 'completed').nth(1).waitFor()
    expect(await page.getByText('cannot be reached').count()).toBe(0)
  }, 600_000)

  test('records from the microphone', async () => {
    await page.getByRole('button', { name: 'Record' }).click()
    await page.getByRole('timer', { name: 'Recording, 0:02' }).waitFor()
    await shoot(page, 'recording')
    await page.getByRole('button', { name: 'Stop and transcribe' }).click()
    await rowOf('Recording', 'completed').waitFor()
  }, 600_000)

  test('lets the server download from a URL, with the chosen options', async () => {
    const files = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(Bun.file(SPEECH)) })
    await page.getByText('Options', { exact: true }).click()
    await page.getByLabel('Language', { exact: true }).first().selectOption({ label: 'English' })
    await page.getByLabel('Names and terms').fill('library, river')
    await page.getByRole('button', { name: 'From a URL' }).click()
    await page.getByLabel('URL of a recording').fill(`http://127.0.0.1:${files.port}/talk.mp3`)
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/transcribe'))
    await page.getByRole('button', { name: 'Transcribe', exact: true }).click()
    expect((await sent).postDataJSON()).toMatchObject({
      language: 'en',
      words: 'true',
      keywords: 'library, river',
    })
    await rowOf('talk.mp3', 'completed').waitFor()
    await files.stop(true)
    await page.reload()
    expect(await page.locator('#keywords').inputValue()).toBe('library, river')
  }, 600_000)

  test('receives what another app shares with it', async () => {
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready
    })
    await page.reload()
    // The library would take the file itself, if it were still loading.
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Create key' }).waitFor()
    await page.waitForLoadState('networkidle')
    await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
      const form = new FormData()
      form.set('files', new File([bytes], 'shared.mp3', { type: 'audio/mpeg' }))
      await fetch('/share', { method: 'POST', body: form, redirect: 'manual' })
    }, (await Bun.file(SPEECH).bytes()).toBase64())
    await page.goto(`${service.url}/?shared`)
    await rowOf('shared.mp3', 'completed').waitFor()
  }, 600_000)

  test('manages API keys and webhooks', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Name', { exact: true }).fill('nightly')
    await page.getByRole('button', { name: 'Create key' }).click()
    const key = await page.locator('.secret code').textContent()
    const headers = { authorization: `Bearer ${key}` }
    expect((await fetch(`${service.url}/api/transcriptions`, { headers })).status).toBe(200)
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('textbox', { name: 'URL' }).fill(`${service.url}/hook`)
    await page.getByRole('button', { name: 'Add webhook' }).click()
    await page.getByRole('button', { name: 'Send a test' }).click()
    await page.locator('.deliveries li', { hasText: 'webhook.test' }).waitFor()
    await expectAccessible(page)
    await shoot(page, 'settings')
    await page.getByRole('button', { name: 'Revoke nightly' }).click()
    await page.getByText('nightly').waitFor({ state: 'detached' })
    expect((await fetch(`${service.url}/api/transcriptions`, { headers })).status).toBe(401)
    await library()
  }, 600_000)

  test('fits a phone, in the dark and in German', async () => {
    await page.setViewportSize({ width: 375, height: 740 })
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Language of this page').selectOption('de')
    await page.getByRole('heading', { name: 'Einstellungen' }).waitFor()
    await expectFits(page)
    await expectAccessible(page)
    await library()
    await rowOf('talk.mp3', 'completed').waitFor()
    await expectFits(page)
    await expectAccessible(page)
    await shoot(page, 'phone')
    await page.setViewportSize({ width: 1100, height: 800 })
  }, 600_000)

  test('shows the form to log in again when the session has ended', async () => {
    await replaceTokens(page, { access_token: 'expired', refresh_token: 'expired' })
    await page.reload()
    await page.getByText('Deine Sitzung ist beendet').waitFor()
    expect(await page.evaluate(() => localStorage.getItem('verbatim.session'))).toBeNull()
  }, 600_000)

  test('offers no account where registration is closed, and takes an API key', async () => {
    const user = await openPage(browser, { url: service.url, problems })
    await user.route('**/api/info', async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, json: { ...(await response.json()), registration: false } })
    })
    await user.reload()
    await user.getByText('Ask the administrator').waitFor()
    expect(await user.getByRole('link', { name: 'Create account' }).count()).toBe(0)
    await user.getByText('Log in with a token').click()
    await user.getByLabel('Access token or API key').fill('vk_wrong')
    await user.locator('details').getByRole('button', { name: 'Log in' }).click()
    await user.getByRole('alert').waitFor()
    await user.getByLabel('Access token or API key').fill((await createUser(service.url)).key)
    await user.locator('details').getByRole('button', { name: 'Log in' }).click()
    await user.getByText('No recordings yet').waitFor()
    // The library asks for it too; its answer may still be on the way.
    await user.unrouteAll({ behavior: 'wait' })
    await user.context().close()
  }, 600_000)

  test('is used with the keyboard only', async () => {
    const user = await openPage(browser, { url: service.url, problems })
    const { keyboard } = user
    user.on('filechooser', (chooser) => chooser.setFiles(SPEECH))
    await tabTo(user, 'Create account')
    await keyboard.press('Enter')
    await tabTo(user, 'Email')
    await keyboard.type(`${crypto.randomUUID()}@example.com`)
    await keyboard.press('Tab')
    await keyboard.type('correct horse battery')
    await keyboard.press('Enter')
    await user.getByText('No recordings yet').waitFor()
    await tabTo(user, 'Choose files')
    await keyboard.press('Enter')
    await user.locator('.library-row[data-status=completed]').waitFor()
    await tabTo(user, 'Delete speech.mp3')
    await keyboard.press('Enter')
    // The notice has the focus, because the row is gone.
    await user.getByText('speech.mp3 was deleted').waitFor()
    await keyboard.press('Enter')
    await user.locator('.library-row[data-status=completed]').waitFor()
    await tabTo(user, 'speech.mp3')
    await keyboard.press('Enter')
    await user.waitForURL('**/t/*')
    expect(await user.evaluate(() => document.activeElement?.id)).toBe('main')
    await user.context().close()
  }, 600_000)

  test('moves the focus in the moment in which a view, a notice or a form appears', async () => {
    const user = await openPage(browser, { url: service.url, problems })
    expect(await focusAfterClick(user, 'a[href="/signup"]', { changes: '#main' })).toEqual('main')
    await user.goto(service.url)
    await signUp(user)
    await user.locator('.upload-panel input[type=file]').setInputFiles(SPEECH)
    await user.locator('.library-row').waitFor()
    const remove = '[aria-label="Delete speech.mp3"]'
    expect(await focusAfterClick(user, remove, { changes: '.toast-place' })).toEqual('button: Undo')
    const fromUrl = '.upload-panel button[aria-expanded]'
    expect(await focusAfterClick(user, fromUrl, { changes: '.upload-panel' })).toEqual('input')
    await user.context().close()
  }, 600_000)

  test('loads nothing from other hosts, and breaks no rule of its policy', () => {
    expect(problems).toEqual({ outside: [], errors: [] })
  })
})

/** Presses Tab until the control with this name has the focus, which must be visible. */
async function tabTo(page: Page, name: string) {
  for (let step = 0; step < KEYBOARD_STEPS; step += 1) {
    await page.keyboard.press('Tab')
    const control = await page.evaluate(() => {
      const { activeElement: element } = document
      if (!(element instanceof HTMLElement)) return null
      const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : null
      const name = element.ariaLabel ?? label ?? element.textContent ?? ''
      return { name: name.trim(), outline: getComputedStyle(element).outlineStyle }
    })
    if (control?.name !== name) continue
    expect(control.outline).toBe('solid')
    return
  }
  expect.unreachable(`Tab does not reach ${name}`)
}

/**
 * What has the focus as soon as the content of `changes` does so after a click of the keyboard: the id, or the
 * tag with the text.
 */
function focusAfterClick(page: Page, selector: string, { changes }: { changes: string }): Promise<string> {
  return page.locator(selector).evaluate(
    (control: HTMLElement, changes) =>
      new Promise<string>((resolve) => {
        const observer = new MutationObserver(() => {
          observer.disconnect()
          const { id, localName, textContent } = document.activeElement ?? document.body
          resolve(id || [localName, textContent].filter(Boolean).join(': '))
        })
        const changing = document.querySelector(changes)
        if (!changing) throw new Error(`there is no ${changes}`)
        observer.observe(changing, { childList: true, subtree: true })
        control.click()
      }),
    changes,
  )
}

async function throttle(page: Page, { bytesPerSecond }: { bytesPerSecond: number }): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytesPerSecond,
  })
  return session
}

async function progressAbove(page: Page, fraction: number) {
  await page.waitForFunction((fraction) => {
    const bar = document.querySelector('.upload-row progress')
    return bar instanceof HTMLProgressElement && bar.position > fraction
  }, fraction)
}

function countRequests(page: Page, matches: (request: Request) => boolean) {
  const counter = { count: 0 }
  page.on('request', (request) => {
    if (matches(request)) counter.count += 1
  })
  return counter
}

/** Replaces tokens of the session, as if the server no longer accepted them. */
async function replaceTokens(page: Page, tokens: { access_token: string; refresh_token?: string }) {
  await page.evaluate(({ access_token, refresh_token }) => {
    const session = JSON.parse(localStorage.getItem('verbatim.session') ?? '{}')
    const next = { ...session, access: access_token, ...(refresh_token && { refresh: refresh_token }) }
    const newValue = JSON.stringify(next)
    localStorage.setItem('verbatim.session', newValue)
    // Other tabs get this event by themselves.
    dispatchEvent(new StorageEvent('storage', { key: 'verbatim.session', newValue }))
  }, tokens)
}

/** Saves a screenshot to the folder SCREENSHOTS, if it is set. */
async function shoot(page: Page, name: string) {
  const folder = process.env.SCREENSHOTS
  if (folder) await page.screenshot({ path: join(folder, `page-${name}.png`) })
}
