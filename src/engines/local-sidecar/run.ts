import { linesOf } from './lines.ts'

/**
 * Runs a command to its end and gives its exit code and its last error: the last line of stderr that says
 * so, else the last line. `onLine` gets each line of stdout. When `signal` fires the command is stopped and
 * the signal's reason thrown.
 */
export async function run(options: {
  command: string[]
  env: Record<string, string>
  signal: AbortSignal
  cwd?: string
  onLine?: (line: string) => void
}): Promise<{ code: number; lastError: string }> {
  options.signal.throwIfAborted()
  const process = Bun.spawn(options.command, {
    env: options.env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    signal: options.signal,
    ...(options.cwd ? { cwd: options.cwd } : {}),
  })
  let lastError = ''
  const readOut = async () => {
    for await (const line of linesOf(process.stdout)) options.onLine?.(line)
  }
  const readErrors = async () => {
    for await (const line of linesOf(process.stderr)) {
      const says = /^ERROR:/.test(line)
      if (says || !lastError.startsWith('ERROR:')) lastError = line.trim()
    }
  }
  const [code] = await Promise.all([process.exited, readOut(), readErrors()])
  options.signal.throwIfAborted()
  return { code, lastError: lastError.replace(/^ERROR: /, '').replace(/\.$/, '') || `exit code ${code}` }
}
