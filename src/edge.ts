import process from 'node:process'
import { assembleEdge } from './assemble-edge.ts'
import { readSettings } from './config.ts'
import { StartError } from './errors.ts'
import { createLog } from './log.ts'
import { type Page, type PageModule, parsePage } from './page/page.ts'

const isWorkerd = navigator.userAgent === 'Cloudflare-Workers'
/** The module that `npm run build:page` writes; deploy/workerd.capnp adds it to the worker. */
const PAGE_MODULE = isWorkerd ? './page.js' : new URL('../dist/page.js', import.meta.url).href

async function start() {
  try {
    const settings = readSettings(await environment())
    const log = createLog(settings.LOG, console.log)
    const handler = await assembleEdge({ settings, keepsSockets: !isWorkerd, page: await findPage(), log })
    console.log(
      'serving the API without audio_url, metrics and traces; workers on Bun (MODE=worker) inspect ' +
        'uploads and transcribe',
    )
    return handler
  } catch (error) {
    if (error instanceof StartError && !isWorkerd) {
      console.error(error.message)
      process.exit(1)
    }
    throw error
  }
}

/** The built page. Null if there is none: the API works without it. */
async function findPage(): Promise<Page | null> {
  try {
    const { default: module }: { default: PageModule } = await import(PAGE_MODULE)
    return parsePage(module, { isCompressedByRuntime: isWorkerd })
  } catch {
    return null
  }
}

/** workerd passes its environment as a module, and unset variables as null. */
async function environment(): Promise<Record<string, string | undefined>> {
  if (!isWorkerd) return process.env
  const { env } = await import('cloudflare:workers')
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? undefined]))
}

// The kernel ignores a signal to the first process of a container that has no handler.
if (!isWorkerd) process.on('SIGTERM', () => process.exit(0))

const handler = await start()

/**
 * The export that `deno serve`, workerd and Bun expect. Only workerd passes a `context`; only Bun reads
 * `idleTimeout`.
 */
export default {
  idleTimeout: 60,
  fetch(request: Request, _: unknown, context?: { waitUntil(rest: Promise<void>): void }): Promise<Response> {
    return handler(request, (rest) => context?.waitUntil(rest))
  },
}
