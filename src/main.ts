import { createApp } from './app.ts'
import { assemble } from './assemble.ts'
import { readSettings, type Settings } from './config.ts'
import { StartError, VerbatimError } from './errors.ts'
import { tour } from './tour.ts'
import { startWorker } from './worker.ts'

/** How long running spans may go on after a signal to stop, before they are handed back. */
const GRACE_MS = 10_000
const IDLE_SECONDS = 60

function log(line: string, error?: unknown) {
  console.log(`${new Date().toISOString()} ${line}`)
  if (error instanceof VerbatimError) console.log(`  ${error.message}`)
  else if (error !== undefined) console.log(error)
}

async function main(settings: Settings) {
  let port = settings.PORT
  const publicUrl = () => settings.PUBLIC_URL ?? `http://localhost:${port}`
  const stopping = new AbortController()
  const service = await assemble({ settings, env: process.env, publicUrl, log })
  const app = listen(createApp({ ...service.app, stopping: stopping.signal }), settings)
  port = app.server?.port ?? port
  log(`listening on ${publicUrl()}; uploads are taken from now on`)
  await startWorker(service.work)

  const stop = async (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
    log(`${signal}: stopping`)
    await app.stop()
    await service.stop(GRACE_MS)
    log('stopped')
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  service.work.engine.whenReady(stopping.signal).then(
    () => console.log(tour(publicUrl())),
    () => {},
  )
}

function listen(app: ReturnType<typeof createApp>, { HOST, PORT }: Settings) {
  try {
    return app.listen({
      port: PORT,
      hostname: HOST,
      idleTimeout: IDLE_SECONDS,
      // Bun's own limit answers without a body; ours is kept while the upload streams.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    })
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
