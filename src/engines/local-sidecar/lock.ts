import { linesOf } from './lines.ts'

const HOLD = `
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
`

/**
 * Runs `use` while no other process on this machine holds the lock on `path`. A child process holds the lock.
 * The child ends with this process, even if this one is killed, and the kernel then releases the lock.
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
    if (done) throw new Error(`Cannot lock ${path}.`)
    return await use()
  } finally {
    holder.kill()
    await holder.exited
  }
}
