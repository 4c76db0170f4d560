import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenDatabase } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { startSidecar } from '../../src/engines/local-sidecar/process.ts'
import { installed } from '../../test/engines/installed-sidecar.ts'
import { freePort, type RunningService, startService } from '../../test/support/service.ts'
import type { Defer } from '../shared/cleanup.ts'
import { ROOT } from '../shared/paths.ts'
import { openServer } from '../shared/postgres.ts'
import { treeOf } from '../shared/processes.ts'
import { simulatedSidecar } from '../shared/simulated-sidecar.ts'
import { MAX_UPLOAD_BYTES } from './recordings.ts'

/** A running service with all of its processes; the first of `services` has the API. */
export type Deployment = {
  url: string
  data: string
  temporary: string
  services: RunningService[]
  processes: { name: string; pids: () => Promise<number[]> }[]
  /** The port of its Postgres; null with the embedded database. */
  databasePort: number | null
  /** After the services have ended. */
  openDatabase(): Promise<OpenDatabase>
}

const SIMULATED_ANSWER_MS = 150
/** A session of their own: Ctrl-C must end only the load. */
const COMMAND = ['setsid', process.execPath, 'src/main.ts']
/** With its default, Postgres would fill its buffers for longer than the bench runs. */
const POSTGRES = ['shared_buffers=16MB']

async function start(folder: string, env: Record<string, string>): Promise<RunningService> {
  const port = String(freePort())
  const shared = {
    HOST: '127.0.0.1',
    PORT: port,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    DATA_DIR: join(folder, 'data'),
    TMPDIR: join(folder, 'temporary'),
    MAX_UPLOAD_BYTES: String(MAX_UPLOAD_BYTES),
    LOGINS_PER_MINUTE: '100000',
  }
  await mkdir(shared.TMPDIR, { recursive: true })
  return startService({ ...shared, ...env }, COMMAND)
}

/** An API, two workers, a real sidecar and a Postgres, each in its own process. */
export async function openSeparate(folder: string, defer: Defer): Promise<Deployment> {
  const server = await openServer({ settings: POSTGRES })
  defer(server.close)
  const { python, model } = await installed()
  const detached = join(folder, 'python')
  await writeFile(detached, `#!/bin/sh\nexec setsid '${python}' "$@"\n`, { mode: 0o755 })
  const environment = childEnvironment(process.env)
  const sidecar = await startSidecar({ python: detached, model, root: ROOT, env: environment, log: () => {} })
  defer(sidecar.stop)
  const port = await sidecar.ready
  if (port === null) throw new Error(`the sidecar did not start: ${await sidecar.ended}`)
  const env = { DATABASE_URL: server.url, SIDECAR_URL: `http://127.0.0.1:${port}` }
  const services: RunningService[] = []
  for (const MODE of ['api', 'worker', 'worker']) {
    const service = await start(folder, { ...env, MODE })
    defer(() => service.kill('SIGTERM'))
    services.push(service)
  }
  return {
    url: services[0]?.url ?? '',
    data: join(folder, 'data'),
    temporary: join(folder, 'temporary'),
    services,
    processes: [
      ...services.map(({ pid }, at) => ({
        name: at === 0 ? 'API' : `worker ${at}`,
        pids: async () => [pid],
      })),
      { name: 'sidecar', pids: () => treeOf(sidecar.pid) },
      { name: 'Postgres', pids: server.pids },
    ],
    databasePort: Number(new URL(server.url).port),
    openDatabase: () => openPostgres({ url: server.url }),
  }
}

/** One process with the embedded database, and a simulated sidecar. */
export async function openEmbedded(folder: string, defer: Defer): Promise<Deployment> {
  const sidecar = simulatedSidecar({ answerMs: SIMULATED_ANSWER_MS })
  defer(() => sidecar.stop(true))
  const service = await start(folder, { SIDECAR_URL: `http://127.0.0.1:${sidecar.port}` })
  defer(() => service.kill('SIGTERM'))
  const data = join(folder, 'data')
  return {
    url: service.url,
    data,
    temporary: join(folder, 'temporary'),
    services: [service],
    processes: [{ name: 'all in one', pids: async () => [service.pid] }],
    databasePort: null,
    openDatabase: () => openPglite({ dataDir: join(data, 'postgres') }),
  }
}
