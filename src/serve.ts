import { setTimeout as pause } from 'node:timers/promises'
import { createApp, createOperations } from './app.ts'
import { assemble, type Service } from './assemble.ts'
import { readSettings, type Settings } from './config.ts'
import { StartError } from './errors.ts'
import type { Lifecycle } from './lifecycle.ts'
import { createLog, type Log } from './log.ts'
import { quickstart } from './quickstart.ts'
import { startWorker } from './worker.ts'

const IDLE_SECONDS = 60
/** How long aborted requests may take to clean up. */
const ABORT_MS = 1_000

/** Starts the service step by step. Throws `StartError`, or `StopRequested` if a stop interrupts it. */
export async function serve({
  env,
  lifecycle,
  graceMs,
  useLog,
}: {
  env: Record<string, string | undefined>
  lifecycle: Lifecycle
  graceMs: number
  /** Receives the log in the format of the settings. */
  useLog: (log: Log) => void
}): Promise<void> {
  const { step, stopping } = lifecycle
  const settings = await step('settings', () => readSettings(env))
  const log = createLog(settings.LOG, console.log)
  useLog(log)
  let port = settings.PORT
  const publicUrl = () => settings.PUBLIC_URL ?? `http://localhost:${port}`

  const service = await assemble({ settings, env, publicUrl, log, step })
  const { work } = service
  if (work) {
    const drain = (ms: number) => work.queue.drain(ms)
    await step(
      'worker',
      async () => {
        // From the stop on the worker fetches no jobs, while HTTP requests in progress finish.
        stopping.addEventListener('abort', () => drain(graceMs).catch(() => {}))
        await startWorker(work)
      },
      (_, ms) => drain(ms),
    )
  }
  const server = await step('http', () => listen(service, { settings, stopping }), closeServer)
  port = server.port ?? port
  log(`listening on ${publicUrl()}; ${service.api ? 'uploads are accepted' : 'jobs are processed'}`)

  await work?.engines.whenReady(stopping).catch(() => {})
  if (service.api && settings.LOG === 'text' && !stopping.aborted)
    console.log(quickstart(publicUrl(), settings))
}

type Server = {
  port: number | undefined
  stop(closeActiveConnections?: boolean): Promise<void>
  /**
   * Resolves once no request handler runs, including those of aborted requests, which remove what they have
   * stored.
   */
  idle(): Promise<void>
}

/** Accepts no more connections. Requests in progress may end within `graceMs`; then they are aborted. */
async function closeServer(server: Server, graceMs: number) {
  await Promise.race([server.stop(), pause(graceMs)])
  await server.stop(true)
  await Promise.race([server.idle(), pause(ABORT_MS)])
}

function listen(
  { api, operations }: Service,
  { settings, stopping }: { settings: Settings; stopping: AbortSignal },
): Server {
  const { HOST, PORT } = settings
  let running = 0
  const idle = Promise.withResolvers<void>()
  const onSettled = () => {
    running -= 1
    if (running === 0 && stopping.aborted) idle.resolve()
  }
  const app = api ? createApp({ ...api, ...operations, stopping }) : createOperations(operations)
  app.wrap((handle) => (...args: unknown[]) => {
    const response: unknown = handle(...args)
    if (response instanceof Promise) {
      running += 1
      response.then(onSettled, onSettled)
    }
    return response
  })
  const listenError = () =>
    new StartError(`Cannot listen on ${HOST}:${PORT} (is it in use?): set PORT or HOST`)
  try {
    app.listen({
      port: PORT,
      hostname: HOST,
      idleTimeout: IDLE_SECONDS,
      // Bun's own limit responds without a body. The routes enforce theirs while the body arrives.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      // By default Bun reads NODE_ENV, and may respond to an error with its stack.
      development: false,
    })
  } catch {
    throw listenError()
  }
  const { server } = app
  if (!server) throw listenError()
  return {
    port: server.port,
    stop: (closeActiveConnections) => server.stop(closeActiveConnections),
    idle: async () => (running === 0 ? undefined : idle.promise),
  }
}
