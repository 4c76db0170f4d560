import { startService } from '../../test/support/service.ts'

const RESTART_DELAY_MS = 300

/** Runs the service and restarts it whenever it ends, as a supervisor does. */
export function supervise(env: Record<string, string>) {
  let pid: number | undefined
  let isStopping = false

  async function run() {
    while (!isStopping) {
      try {
        const service = await startService(env)
        pid = service.pid
        await service.exited
      } catch {
        // The service did not start, for example because the database is down.
      }
      pid = undefined
      if (!isStopping) await Bun.sleep(RESTART_DELAY_MS)
    }
  }
  const running = run()

  return {
    pid: () => pid,
    async stop() {
      isStopping = true
      if (pid !== undefined) process.kill(pid, 'SIGTERM')
      await running
    },
  }
}
