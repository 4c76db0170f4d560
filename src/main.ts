import { createApp, createOperations } from './app.ts'
import { assemble, type Service } from './assemble.ts'
import { readSettings, type Settings } from './config.ts'
import { StartError } from './errors.ts'
import { createLog } from './log.ts'
import { tour } from './tour.ts'
import { startWorker } from './worker.ts'

/** How long running spans may go on after a signal to stop, before they are handed back. */
const GRACE_MS = 10_000
const IDLE_SECONDS = 60

async function main(settings: Settings) {
  const log = createLog(settings.LOG, console.log)
  let port = settings.PORT
  const publicUrl = () => settings.PUBLIC_URL ?? `http://localhost:${port}`
  const stopping = new AbortController()
  // Heard from now on: the first process of a container is ended by no signal that it does not hear.
  let close = async () => {}
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
    log(`${signal}: stopping`)
    await close()
    log('stopped')
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  const service = await assemble({ settings, env: process.env, publicUrl, log })
  const app = listen(service, { settings, stopping: stopping.signal })
  port = app.server?.port ?? port
  log(`listening on ${publicUrl()}; ${service.api ? 'uploads are taken' : 'jobs are taken up'} from now on`)
  close = async () => {
    await app.stop()
    await service.stop(GRACE_MS)
  }
  if (service.work) await startWorker(service.work)

  await service.work?.engines.whenReady(stopping.signal).catch(() => {})
  if (service.api && settings.LOG === 'text' && !stopping.signal.aborted) console.log(tour(publicUrl()))
}

function listen(
  { api, operations }: Service,
  { settings, stopping }: { settings: Settings; stopping: AbortSignal },
) {
  const { HOST, PORT } = settings
  const at = {
    port: PORT,
    hostname: HOST,
    idleTimeout: IDLE_SECONDS,
    // Bun's own limit answers without a body; ours is kept while the upload streams.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  }
  try {
    return api
      ? createApp({ ...api, ...operations, stopping }).listen(at)
      : createOperations(operations).listen(at)
  } catch {
    throw new StartError(
      `Port ${PORT} of ${HOST} cannot be listened on, perhaps since it is in use: set PORT or HOST`,
    )
  }
}

try {
  await main(readSettings(process.env))
} catch (error) {
  console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
}
