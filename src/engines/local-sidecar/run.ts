import { linesOf } from './lines.ts'

/**
 * Runs a command. Returns its exit code and its last error: the last line of stderr that begins with
 * `ERROR:`, else the last line. `onLine` receives each line of stdout. If `signal` fires, the command and its
 * child processes (a process group) are stopped, and the signal's reason is thrown.
 */
export async function run(options: {
  command: string[]
  env: Record<string, string>
  signal: AbortSignal
  cwd?: string
  onLine?: (line: string) => void
}): Promise<{ code: number; lastError: string }> {
  options.signal.throwIfAborted()
  const child = Bun.spawn(options.command, {
    env: options.env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    detached: true,
    ...(options.cwd ? { cwd: options.cwd } : {}),
  })
  const stop = () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGTERM')
  }
  options.signal.addEventListener('abort', stop)
  let lastError = ''
  const readOut = async () => {
    for await (const line of linesOf(child.stdout)) options.onLine?.(line)
  }
  const readErrors = async () => {
    for await (const line of linesOf(child.stderr)) {
      const isError = line.startsWith('ERROR:')
      if (isError || !lastError.startsWith('ERROR:')) lastError = line.trim()
    }
  }
  child.exited.then(() => options.signal.removeEventListener('abort', stop))
  const [code] = await Promise.all([child.exited, readOut(), readErrors()])
  options.signal.throwIfAborted()
  return { code, lastError: lastError.replace(/^ERROR: /, '').replace(/\.$/, '') || `exit code ${code}` }
}
