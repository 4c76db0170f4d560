import process from 'node:process'
import { assembleEdge } from './assemble-edge.ts'
import { readSettings } from './config.ts'
import { StartError } from './errors.ts'
import { createLog } from './log.ts'

const isWorkerd = navigator.userAgent === 'Cloudflare-Workers'

async function start() {
  try {
    const settings = readSettings(await environment())
    const log = createLog(settings.LOG, console.log)
    const answer = await assembleEdge({ settings, keepsSockets: !isWorkerd, log })
    console.log(
      'the API alone: no audio_url, no metrics, no traces; workers on Bun (MODE=worker) look into uploads and transcribe',
    )
    return answer
  } catch (error) {
    if (error instanceof StartError && !isWorkerd) {
      console.error(error.message)
      process.exit(1)
    }
    throw error
  }
}

/** On workerd `process.env` has texts alone: what is not set is `null` there. */
async function environment(): Promise<Record<string, string | undefined>> {
  if (!isWorkerd) return process.env
  const { env } = await import('cloudflare:workers')
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? undefined]))
}

// The first process of a container is ended by no signal that it does not hear.
if (!isWorkerd) process.on('SIGTERM', () => process.exit(0))

const answer = await start()

/** As `deno serve`, workerd and Bun take it; workerd alone gives a `context`, and Bun alone wants to know when to give up. */
export default {
  idleTimeout: 60,
  fetch(request: Request, _: unknown, context?: { waitUntil(rest: Promise<void>): void }): Promise<Response> {
    return answer(request, (rest) => context?.waitUntil(rest))
  },
}
