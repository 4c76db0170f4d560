import { join } from 'node:path'
import { type RunningService, startService } from '../../test/e2e/service.ts'
import type { Defer } from '../closing.ts'
import { openServer } from '../postgres.ts'
import { childrenOf } from '../processes.ts'

/** Seconds from the start of a process until it said that it listens, and until `/health/ready` said so. */
export type Start = { process: string; database: string; listening: number; ready: number }

/** One way to run the service, started. */
export type Deployment = {
  url: string
  starts: Start[]
  /** By what they are called. */
  processes: () => Promise<Record<string, number[]>>
  stop(): Promise<void>
}

const POLL_MS = 10

/** One process with the embedded database, and the sidecar that it starts. */
export async function embedded(folder: string, defer: Defer): Promise<() => Promise<Deployment>> {
  const env = { DATA_DIR: join(folder, 'embedded') }
  return async () => {
    const { service, start } = await timed('all', env, defer)
    return {
      url: service.url,
      starts: [{ ...start, database: 'embedded' }],
      processes: async () => ({
        'MODE=all, embedded': [service.pid],
        'its sidecar': await childrenOf(service.pid),
      }),
      stop: async () => void (await service.kill('SIGTERM')),
    }
  }
}

/** An API, and a worker with the sidecar that it starts, on a Postgres. */
export async function onPostgres(folder: string, defer: Defer): Promise<() => Promise<Deployment>> {
  const server = await openServer()
  defer(server.close)
  const env = { DATA_DIR: join(folder, 'apart'), DATABASE_URL: server.url }
  return async () => {
    const api = await timed('api', env, defer)
    const worker = await timed('worker', env, defer)
    const services = [api.service, worker.service]
    return {
      url: api.service.url,
      starts: [api, worker].map(({ start }) => ({ ...start, database: 'Postgres' })),
      processes: async () => ({
        'MODE=api': [api.service.pid],
        'MODE=worker': [worker.service.pid],
        'its sidecar': await childrenOf(worker.service.pid),
      }),
      stop: async () => void (await Promise.all(services.map((service) => service.kill('SIGTERM')))),
    }
  }
}

async function timed(
  MODE: string,
  env: Record<string, string>,
  defer: Defer,
): Promise<{ service: RunningService; start: Omit<Start, 'database'> }> {
  const begun = performance.now()
  const seconds = () => (performance.now() - begun) / 1000
  const service = await startService({ ...env, MODE })
  defer(() => service.kill('SIGTERM'))
  const listening = seconds()
  const isReady = () =>
    fetch(`${service.url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isReady())) await Bun.sleep(POLL_MS)
  return { service, start: { process: `MODE=${MODE}`, listening, ready: seconds() } }
}
