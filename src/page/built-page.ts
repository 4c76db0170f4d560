import type { Log } from '../log.ts'
import { type Page, parsePage } from './page.ts'

/**
 * The page of `web`, which Bun builds in memory at the first request for it, in less than 100 ms. A failed build is
 * logged, and tried again at the next request.
 */
export function builtPage({ log }: { log: Log }): () => Promise<Page | null> {
  let cached: Promise<Page> | undefined
  const build = async () => {
    const { buildPage } = await import('../../web/build.ts')
    return parsePage(await buildPage())
  }
  return async () => {
    cached ??= build()
    try {
      return await cached
    } catch (error) {
      cached = undefined
      log('cannot build the page', error)
      return null
    }
  }
}
