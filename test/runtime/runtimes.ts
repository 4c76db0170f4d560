import { createRequire } from 'node:module'
import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { BUN, freePort } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'

const require = createRequire(import.meta.url)

type Command = (port: number) => string[]

export type Runtime = {
  name: 'Bun' | 'Deno' | 'workerd'
  /** The command that starts the edge entry on a port of 127.0.0.1, or the reason why it cannot run here. */
  command: Command | { missing: string }
}

const DENO = ['serve', '--allow-env', '--allow-net', '--allow-read', '--host', '127.0.0.1', '--port']

export const runtimes: Runtime[] = [
  { name: 'Bun', command: () => [...BUN, 'src/edge.ts'] },
  {
    name: 'Deno',
    command: installed(() => {
      const { runInstall } = require('deno/install_api.cjs')
      const deno: string = runInstall()
      requireRuns(deno)
      return (port) => [deno, ...DENO, String(port), 'src/edge.ts']
    }),
  },
  {
    name: 'workerd',
    command: installed(() => {
      const { default: workerd } = require('workerd')
      requireRuns(workerd)
      return (port) => [workerd, 'serve', 'deploy/workerd.capnp', '--socket-addr', `http=127.0.0.1:${port}`]
    }),
  },
]

/** A program may need a newer C library than the machine has. */
function requireRuns(program: string) {
  const { success, stderr } = Bun.spawnSync([program, '--version'])
  if (!success) throw new Error(stderr.toString().trim())
}

/** The packages of a runtime have its program for some platforms only. */
function installed(find: () => Command): Runtime['command'] {
  try {
    return find()
  } catch (error) {
    return { missing: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) }
  }
}

export async function buildForWorkerd(): Promise<void> {
  const child = Bun.spawn([process.execPath, 'run', 'build:workerd'], {
    cwd: ROOT,
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const said = await new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(`the build for workerd failed:\n${said}`)
}

export type EdgeProcess = {
  url: string
  /** All lines of its output. */
  output: string[]
  /** Resolves once it responds; rejects if it has ended. */
  listening: Promise<void>
  /** Returns the exit status; null if the signal ended the process. */
  kill(signal: NodeJS.Signals): Promise<number | null>
}

/** Starts the edge entry with only these settings. */
export function startEdge(command: Command, settings: (url: string) => Record<string, string>): EdgeProcess {
  const port = freePort()
  const url = `http://127.0.0.1:${port}`
  const { PATH = '', HOME = '' } = process.env
  const child = Bun.spawn(command(port), {
    cwd: ROOT,
    env: { PATH, HOME, PORT: String(port), ...settings(url) },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const output: string[] = []
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const line of linesOf(stream)) output.push(line)
  }
  const drained = Promise.all([read(child.stdout), read(child.stderr)])

  async function answers() {
    for (;;) {
      if (child.exitCode !== null) {
        await drained
        throw new Error(`it ended with ${child.exitCode}:\n${output.join('\n')}`)
      }
      const live = await fetch(`${url}/health/live`).catch(() => null)
      if (live?.ok) return
      await Bun.sleep(100)
    }
  }

  const listening = answers()
  listening.catch(() => {})
  return {
    url,
    output,
    listening,
    async kill(signal) {
      child.kill(signal)
      await child.exited
      await drained
      return child.exitCode
    },
  }
}
