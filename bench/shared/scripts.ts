import { linesOf } from '../../src/engines/local-sidecar/lines.ts'

export type ScriptServer = { url: string; pid: number; kill(): Promise<unknown> }

/** Runs a TypeScript file in its own process. `input` is its stdin as JSON, and its stdout is JSON. */
export async function runScript<Result>(
  path: string,
  { input = null, signal }: { input?: unknown; signal?: AbortSignal } = {},
): Promise<Result> {
  const child = Bun.spawn([process.execPath, path], {
    stdin: new Blob([JSON.stringify(input)]),
    stdout: 'pipe',
    stderr: 'inherit',
    ...(signal && { signal }),
  })
  const output = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`${path} failed`)
  return JSON.parse(output)
}

/** Starts a server in its own process; its first line of output is its URL. */
export async function startScriptServer(
  path: string,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<ScriptServer> {
  const child = Bun.spawn([process.execPath, path, ...args], {
    env: { ...process.env, ...env },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const { value: url } = await linesOf(child.stdout).next()
  if (typeof url !== 'string') throw new Error(`${path} did not start`)
  return {
    url,
    pid: child.pid,
    kill() {
      child.kill('SIGKILL')
      return child.exited
    },
  }
}
