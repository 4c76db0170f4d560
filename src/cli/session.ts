import type { WriteStream } from 'node:tty'
import { type Client, createClient, type Server } from './client.ts'
import { findServer } from './credentials.ts'
import { type Env, stateFolder } from './folders.ts'
import { jsonReporter, lineReporter, type Reporter } from './reporter.ts'

/** What the commands share: a service, how to show progress, and when to end. */
export type Session = {
  server: Server
  client: Client
  reporter: Reporter
  /** Aborts with `Interrupted`, or with the `Failure` of the embedded service. */
  signal: AbortSignal
  /** Holds the URLs of unfinished uploads; null if the service ends with the command. */
  stateDir: string | null
  isLocal: boolean
}

export type SessionOptions = { local?: boolean; json?: boolean; quiet?: boolean }

/** Runs `work` with a service: the one of the user, or with `local` an embedded one that ends with the command. */
export async function withSession<T>(
  { env, signal, options }: { env: Env; signal: AbortSignal; options: SessionOptions },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const reporter = await openReporter(env, options)
  try {
    if (!options.local) {
      const server = await findServer(env)
      const client = createClient(server, signal)
      await client.check()
      const stateDir = stateFolder(env)
      return await work({ server, client, reporter, signal, stateDir, isLocal: false })
    }
    const { startLocalService } = await import('./local.ts')
    const onMessage = (message: string) => reporter.report({ event: 'service', message })
    await using service = await startLocalService({ env, signal, onMessage })
    const ended = AbortSignal.any([signal, service.failed])
    const client = createClient(service.server, ended)
    return await work({
      server: service.server,
      client,
      reporter,
      signal: ended,
      stateDir: null,
      isLocal: true,
    })
  } finally {
    reporter.close()
  }
}

async function openReporter(env: Env, { json = false, quiet = false }: SessionOptions): Promise<Reporter> {
  const print = (text: string) => void process.stdout.write(text)
  if (json) return jsonReporter(print)
  const { stderr } = process
  if (quiet || !isInteractive(stderr, env)) {
    return lineReporter({ print, write: (line) => void stderr.write(line), isQuiet: quiet })
  }
  const { barReporter } = await import('./progress-bars.ts')
  return barReporter({ stream: stderr, print })
}

/** Whether bars and colors may be shown (no-color.org). */
function isInteractive(stream: WriteStream, { NO_COLOR, TERM }: Env): boolean {
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb'
}
