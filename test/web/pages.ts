import { expect } from 'bun:test'
import { source as AXE } from 'axe-core'
import type { Browser, Page } from 'playwright-core'

export type Problems = { outside: string[]; errors: string[] }

/**
 * Opens the page in a new context, which has no session. `problems` collects requests to other hosts, uncaught errors and
 * breaches of the policy.
 */
export async function openPage(
  browser: Browser,
  {
    url,
    problems,
    options = {},
  }: { url: string; problems: Problems; options?: Parameters<Browser['newContext']>[0] },
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1100, height: 800 },
    locale: 'en-US',
    ...options,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol.startsWith('http') && host !== new URL(url).host) problems.outside.push(request.url())
  })
  page.on('pageerror', (error) => problems.errors.push(error.message))
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.errors.push(message.text())
  })
  await page.goto(url)
  return page
}

/** Fails with the rules of axe that the page breaks. */
export async function expectAccessible(page: Page): Promise<void> {
  // Unlike a script element, this is not subject to the policy of the page.
  await page.evaluate(AXE)
  const violations = await page.evaluate(async () => {
    const { violations } = await Reflect.get(globalThis, 'axe').run()
    return violations.map(
      ({ id, nodes }: { id: string; nodes: { html: string; failureSummary: string }[] }) =>
        `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`,
    )
  })
  expect(violations).toEqual([])
}

/** Fails if the page is wider than its window. */
export async function expectFits(page: Page): Promise<void> {
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  expect(widths[0]).toBeLessThanOrEqual(widths[1] ?? 0)
}
