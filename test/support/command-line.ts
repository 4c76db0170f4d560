import { join } from 'node:path'
import { BUN } from './service.ts'
import { ROOT } from './sidecar-dir.ts'

const MAIN = [...BUN, join(ROOT, 'src/cli/main.ts')]
/** What `npx verbatim` runs. */
export const LAUNCHER = ['node', join(ROOT, 'src/cli/launcher.mjs')]

type Ended = { code: number; stdout: string; stderr: string }

export type Invocation = {
  env: Record<string, string>
  cwd?: string
  stdin?: string | Blob
  command?: string[]
}

/** Starts the command line in a process of its own. */
export function startCommand(args: string[], { env, cwd = ROOT, stdin = '', command = MAIN }: Invocation) {
  const { PATH = '', TMPDIR = '/tmp' } = process.env
  const child = Bun.spawn([...command, ...args], {
    cwd,
    env: { PATH, TMPDIR, ...env },
    stdin: new Blob([stdin]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const output = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  async function read(name: 'stdout' | 'stderr') {
    for await (const text of child[name].pipeThrough(new TextDecoderStream())) {
      output[name] += text
      for (const look of waiting) look()
    }
  }
  const drained = Promise.all([read('stdout'), read('stderr')])
  const ended: Promise<Ended> = drained.then(async () => ({ code: await child.exited, ...output }))
  return {
    child,
    ended,
    /** Resolves once the output has `text`; rejects if the command ends before. */
    async printed(text: string): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => (output.stdout + output.stderr).includes(text) && resolve()
      waiting.add(look)
      look()
      const tooEarly = ended.then((end) => {
        if ((end.stdout + end.stderr).includes(text)) return
        throw new Error(`ended without ${JSON.stringify(text)}: ${JSON.stringify(end)}`)
      })
      await Promise.race([promise, tooEarly])
      waiting.delete(look)
    },
  }
}

export const runCommand = (args: string[], invocation: Invocation) => startCommand(args, invocation).ended
