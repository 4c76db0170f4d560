import { linesOf } from './lines.ts'

const HOLD = `
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
`

/**
 * Runs `use` while this process alone, of all on the machine, holds `path`. A child holds the lock, which
 * the kernel takes from it when this process ends, however it ends: nothing stale is ever left.
 */
export async function withFileLock<T>(
  options: { path: string; python: string; env: Record<string, string>; signal: AbortSignal },
  use: () => Promise<T>,
): Promise<T> {
  const { path, python, env, signal } = options
  const holder = Bun.spawn([python, '-c', HOLD, path], {
    env,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
    signal,
  })
  try {
    const { done } = await linesOf(holder.stdout).next()
    signal.throwIfAborted()
    if (done) throw new Error(`${path} could not be locked.`)
    return await use()
  } finally {
    holder.kill()
    await holder.exited
  }
}
