import { eventOf } from './events.ts'
import { linesOf } from './lines.ts'

const TERM_MS = 2_000

export type SidecarProcess = {
  pid: number
  /** The port, once it can answer; null when it ended before. */
  ready: Promise<number | null>
  /** How it ended, as part of a sentence. */
  ended: Promise<string>
  /** SIGTERM, and SIGKILL if it has not ended after two seconds. */
  stop(): Promise<void>
  /** SIGKILL, for one that hears nothing any more. */
  kill(): void
}

/**
 * Starts the sidecar on a free port of this machine's loopback. Its stdin stays open: it ends when that
 * closes, so it outlives this process by nothing even when this one is killed.
 */
export function startSidecar(options: {
  python: string
  /** The directory that holds `sidecar/`. */
  root: string
  /** A directory of model files, or a name on the hub. */
  model: string
  env: Record<string, string>
  log: (line: string) => void
}): SidecarProcess {
  const { python, root, model, env, log } = options
  const child = Bun.spawn([python, '-m', 'sidecar', '--exit-with-stdin'], {
    cwd: root,
    env: { ...env, HOST: '127.0.0.1', PORT: '0', MODEL: model },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const { promise: ready, resolve } = Promise.withResolvers<number | null>()
  let last = ''
  let why = ''

  async function readEvents() {
    let port: number | null = null
    for await (const line of linesOf(child.stdout)) {
      const event = eventOf(line)
      if (event?.event === 'listening') port = event.port
      else if (event?.event === 'ready') resolve(port)
      else if (event?.event === 'error') why = event.message
      else log(line)
    }
    resolve(null)
  }
  async function readLog() {
    for await (const line of linesOf(child.stderr)) {
      last = line.trim()
      log(line)
    }
  }
  const read = Promise.all([readEvents(), readLog()])

  async function end(): Promise<string> {
    const code = await child.exited
    resolve(null)
    await read
    const how = child.signalCode === null ? `exit code ${code}` : `killed by ${child.signalCode}`
    return `${how}: ${(why || last || 'it said nothing').replace(/\.$/, '')}`
  }
  const ended = end()

  return {
    pid: child.pid,
    ready,
    ended,
    async stop() {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), TERM_MS)
      await child.exited
      clearTimeout(late)
    },
    kill: () => child.kill('SIGKILL'),
  }
}
