import { readFile } from 'node:fs/promises'
import { startService } from '../../test/e2e/service.ts'

/** The processes that one started and that live (Linux). */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return text.split(' ').filter(Boolean).map(Number)
}

/** A process, and all that came of it and lives. */
export async function treeOf(pid: number): Promise<number[]> {
  const below = await Promise.all((await childrenOf(pid)).map(treeOf))
  return [pid, ...below.flat()]
}

/** The service in a process that is started again whenever it ends, as a supervisor would. */
export function kept(env: Record<string, string>) {
  let pid: number | undefined
  let stopping = false
  let starts = 0

  async function live() {
    while (!stopping) {
      try {
        const service = await startService(env)
        pid = service.pid
        starts += 1
        await service.exited
      } catch {
        // It could not start, since the database is down, say.
      }
      pid = undefined
      if (!stopping) await Bun.sleep(300)
    }
  }
  const life = live()

  return {
    pid: () => pid,
    starts: () => starts,
    async stop() {
      stopping = true
      if (pid !== undefined) process.kill(pid, 'SIGTERM')
      await life
    },
  }
}
