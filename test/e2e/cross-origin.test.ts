import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { hasBrowser, launchBrowser } from '../support/browser.ts'
import { signUp } from '../support/client.ts'
import { startFakeSidecar } from '../support/fake-sidecar.ts'
import { type RunningService, startService } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import type {} from './cross-origin-page.ts'

const SPEECH = Bun.file(join(ROOT, 'test/fixtures/speech.mp3'))

/** Serves a page whose script uses the API of another origin. */
async function servePage() {
  const { outputs } = await Bun.build({
    entrypoints: [join(ROOT, 'test/e2e/cross-origin-page.ts')],
    target: 'browser',
  })
  const html = '<!doctype html><title>Another origin</title><script type="module" src="/page.js"></script>'
  return Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    routes: {
      '/': () => new Response(html, { headers: { 'content-type': 'text/html' } }),
      '/page.js': () => new Response(outputs[0]),
      '/speech.mp3': () => new Response(SPEECH),
    },
  })
}

describe.skipIf(!hasBrowser)('a page of another origin in a real browser', () => {
  let folder: string
  let service: RunningService
  let browser: Browser
  let server: Awaited<ReturnType<typeof servePage>>
  let sidecar: ReturnType<typeof startFakeSidecar>
  let user: Awaited<ReturnType<typeof signUp>>
  let api: { url: string; key: string }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
    server = await servePage()
    sidecar = startFakeSidecar()
    service = await startService({
      DATA_DIR: folder,
      SIDECAR_URL: sidecar.url,
      CORS_ORIGINS: `http://127.0.0.1:${server.port}`,
      REQUESTS_PER_MINUTE: '1000',
    })
    await service.ready
    browser = await launchBrowser()
    user = await signUp(service.url)
    api = { url: service.url, key: user.key }
  }, 600_000)

  afterAll(async () => {
    await browser?.close()
    await service?.kill('SIGTERM')
    await sidecar?.stop()
    await server?.stop(true)
    await rm(folder, { recursive: true, force: true })
  }, 600_000)

  async function open(host: string): Promise<Page> {
    const page = await browser.newPage()
    page.setDefaultTimeout(300_000)
    await page.goto(`http://${host}:${server.port}/`)
    await page.waitForFunction(() => 'apiScript' in globalThis)
    return page
  }

  /** The text of the scripted sidecar for the whole recording. */
  const TEXT = /^span-[0-9a-f]+$/

  describe('that CORS_ORIGINS names', () => {
    let page: Page
    beforeAll(async () => {
      page = await open('127.0.0.1')
    }, 600_000)

    test('uploads, follows events, reads, plays and deletes with fetch and EventSource', async () => {
      const outcome = await page.evaluate((api) => apiScript.useFetch(api), api)
      expect(outcome).toEqual({
        segments: [expect.stringMatching(TEXT)],
        transcript: `${outcome.segments[0]}\n`,
        duration: expect.closeTo(7.1, 0),
        contentRange: `bytes 0-9/${SPEECH.size}`,
        quota: '"requests";q=1000;w=60',
        errors: ['unauthorized', 'not_found'],
        deleted: 204,
      })
    }, 600_000)

    test('uploads in two chunks with tus-js-client', async () => {
      const { methods, transcriptionId } = await page.evaluate((api) => apiScript.useTus(api), api)
      expect(methods).toEqual(['POST', 'PATCH', 'PATCH'])
      const { status, transcription } = await user.finished(transcriptionId ?? '')
      expect({ status, transcription }).toEqual({
        status: 'completed',
        transcription: expect.stringMatching(TEXT),
      })
    }, 600_000)

    test('transcribes with the openai package', async () => {
      const outcome = await page.evaluate((api) => apiScript.useOpenai(api), api)
      expect(outcome).toEqual({
        text: expect.stringMatching(TEXT),
        streamed: outcome.text,
        error: 'model_not_found',
      })
    }, 600_000)
  })

  test('that CORS_ORIGINS does not name is refused by the browser', async () => {
    const page = await open('localhost')
    const { events } = await user.status(await user.upload(SPEECH))
    const attempts: [name: string, attempt: Promise<unknown>, problem: string][] = [
      ['fetch', page.evaluate((api) => apiScript.useFetch(api), api), 'Failed to fetch'],
      ['EventSource', page.evaluate((link) => apiScript.followEvents(link), events), 'EventSource failed'],
      ['tus', page.evaluate((api) => apiScript.useTus(api), api), 'failed to create upload'],
      ['openai', page.evaluate((api) => apiScript.useOpenai(api), api), 'Connection error'],
    ]
    const problems = await Promise.all(
      attempts.map(async ([name, attempt]) => [name, await attempt.catch((error: Error) => error.message)]),
    )
    expect(problems).toEqual(attempts.map(([name, , problem]) => [name, expect.stringContaining(problem)]))
  }, 600_000)
})
