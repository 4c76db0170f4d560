import { linesOf } from './lines.ts'

/**
 * Runs a command to its end and gives its exit code and its last error: the last line of stderr that says
 * so, else the last line. `onLine` gets each line of stdout. When `signal` fires the command is stopped with every
 * process that it has started (they are a process group), and the signal's reason is thrown.
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
      const says = /^ERROR:/.test(line)
      if (says || !lastError.startsWith('ERROR:')) lastError = line.trim()
    }
  }
  child.exited.then(() => options.signal.removeEventListener('abort', stop))
  const [code] = await Promise.all([child.exited, readOut(), readErrors()])
  options.signal.throwIfAborted()
  return { code, lastError: lastError.replace(/^ERROR: /, '').replace(/\.$/, '') || `exit code ${code}` }
}
