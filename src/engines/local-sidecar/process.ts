import { eventOf } from './events.ts'
import { linesOf } from './lines.ts'
import { modelSettings } from './model-settings.ts'

const TERM_MS = 2_000

export type SidecarProcess = {
  pid: number
  /** The port, once the sidecar can answer; null if it ended before. */
  ready: Promise<number | null>
  /** How the process ended, as part of a sentence. */
  ended: Promise<string>
  /** Sends SIGTERM, and SIGKILL after two seconds. */
  stop(): Promise<void>
  /** Sends SIGKILL, for a process that does not respond. */
  kill(): void
}

/**
 * Starts the sidecar on a free port of the loopback interface. The sidecar exits when its stdin closes, so it
 * ends with this process even if this one is killed.
 */
export function startSidecar(options: {
  python: string
  /** The directory that holds `sidecar/`. */
  root: string
  /** The only model (a directory or a name on the hub); with MODELS in `env`, the default model's directory. */
  model: string
  env: Record<string, string>
  log: (line: string) => void
}): SidecarProcess {
  const { python, root, model, env, log } = options
  const child = Bun.spawn([python, '-m', 'sidecar', '--exit-with-stdin'], {
    cwd: root,
    env: { ...env, HOST: '127.0.0.1', PORT: '0', ...modelSettings(env.MODELS, model) },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const { promise: ready, resolve } = Promise.withResolvers<number | null>()
  let lastLine = ''
  let reason = ''

  async function readEvents() {
    let port: number | null = null
    for await (const line of linesOf(child.stdout)) {
      const event = eventOf(line)
      if (event?.event === 'listening') port = event.port
      else if (event?.event === 'ready') resolve(port)
      else if (event?.event === 'error') reason = event.message
      else log(line)
    }
    resolve(null)
  }
  async function readLog() {
    for await (const line of linesOf(child.stderr)) {
      lastLine = line.trim()
      log(line)
    }
  }
  const read = Promise.all([readEvents(), readLog()])

  async function waitForEnd(): Promise<string> {
    const code = await child.exited
    resolve(null)
    await read
    const how = child.signalCode === null ? `exit code ${code}` : `killed by ${child.signalCode}`
    return `${how}: ${(reason || lastLine || 'no output').replace(/\.$/, '')}`
  }
  const ended = waitForEnd()

  return {
    pid: child.pid,
    ready,
    ended,
    async stop() {
      child.kill('SIGTERM')
      const killTimer = setTimeout(() => child.kill('SIGKILL'), TERM_MS)
      await child.exited
      clearTimeout(killTimer)
    },
    kill: () => child.kill('SIGKILL'),
  }
}
