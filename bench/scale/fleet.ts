import { ROOT } from '../../test/sidecar-dir.ts'
import { cpuSeconds } from '../shared/cpu.ts'

const PER_PROCESS = 16

/** Starts so many workers, sixteen to a process; resolves once all take jobs. */
export async function startFleet({
  workers,
  answerMs,
  url,
  folder,
}: {
  workers: number
  answerMs: number
  /** Of the database. */
  url: string
  folder: string
}) {
  const children: { child: Bun.Subprocess; ready: Promise<void> }[] = []
  for (let left = workers; left > 0; left -= PER_PROCESS) {
    const ready = Promise.withResolvers<void>()
    const arguments_ = [Math.min(left, PER_PROCESS), answerMs, folder].map(String)
    const child = Bun.spawn([process.execPath, 'bench/scale/worker.ts', ...arguments_], {
      cwd: ROOT,
      env: { ...process.env, DATABASE_URL: url },
      stdout: 'inherit',
      stderr: 'inherit',
      ipc: () => ready.resolve(),
    })
    child.exited.then((code) => ready.reject(new Error(`a process of workers ended with ${code}`)))
    children.push({ child, ready: ready.promise })
  }
  await Promise.all(children.map(({ ready }) => ready))
  return {
    cpuSeconds: () => children.reduce((sum, { child }) => sum + cpuSeconds(child.pid), 0),
    async stop() {
      for (const { child } of children) child.kill('SIGTERM')
      await Promise.all(children.map(({ child }) => child.exited))
    },
  }
}
