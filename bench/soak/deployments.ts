import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenDatabase } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { type SidecarProcess, startSidecar } from '../../src/engines/local-sidecar/process.ts'
import { freePort, type RunningService, startService } from '../../test/e2e/service.ts'
import { installed } from '../../test/engines/installed-sidecar.ts'
import { ROOT } from '../../test/sidecar-dir.ts'
import { openServer } from '../shared/postgres.ts'
import { treeOf } from '../shared/processes.ts'
import { simulatedSidecar } from '../shared/simulated-sidecar.ts'
import { MAX_UPLOAD_BYTES } from './recordings.ts'

/** A service as it is run, with all of its processes. */
export type Deployment = {
  name: string
  /** Of its API. */
  url: string
  /** Everything it stores is in `data`, and what its processes put into the folder of temporary files in `temporary`. */
  data: string
  temporary: string
  processes: { name: string; pids: () => Promise<number[]> }[]
  /** What answers `/health` and `/metrics`. */
  services: RunningService[]
  /** Of a server that others may ask beside it; null where the database is embedded. */
  databaseUrl: string | null
  /** Ends the service's own processes; its database can be opened then. */
  stop(): Promise<void>
  openDatabase(): Promise<OpenDatabase>
  /** Ends what is left. */
  close(): Promise<void>
}

const SIMULATED_ANSWER_MS = 150
/** In a session of its own: Ctrl-C is for the bench, which ends it in its own time. */
const COMMAND = ['setsid', process.execPath, 'src/main.ts']

/** What Postgres keeps in memory would else go on growing, up to its default, for as long as this takes. */
const POSTGRES = ['shared_buffers=16MB']

/** An API, two workers, a Postgres and a real sidecar, each a process of its own. */
export async function apart(folder: string): Promise<Deployment> {
  const { data, temporary, env } = await placeOf(join(folder, 'apart'))
  await using opened = new AsyncDisposableStack()
  const server = await openServer({ settings: POSTGRES })
  opened.defer(server.close)
  const sidecar = await startedSidecar(folder, { TMPDIR: temporary })
  opened.defer(sidecar.stop)
  const port = await sidecar.ready
  if (port === null) throw new Error(`the sidecar did not start: ${await sidecar.ended}`)
  const shared = { ...env, DATABASE_URL: server.url, SIDECAR_URL: `http://127.0.0.1:${port}` }
  const services: RunningService[] = []
  opened.defer(() => stopped(services))
  for (const MODE of ['api', 'worker', 'worker']) services.push(await started({ ...shared, MODE }))
  const rest = opened.move()
  const names = ['API', 'worker 1', 'worker 2']
  return {
    name: 'apart',
    url: services[0]?.url ?? '',
    data,
    temporary,
    services,
    databaseUrl: server.url,
    processes: [
      ...services.map(({ pid }, index) => ({ name: names[index] ?? '', pids: async () => [pid] })),
      { name: 'sidecar', pids: () => treeOf(sidecar.pid) },
      { name: 'Postgres', pids: server.pids },
    ],
    stop: () => stopped(services),
    openDatabase: () => openPostgres({ url: server.url }),
    close: () => rest.disposeAsync(),
  }
}

/** One process with the embedded database, and a sidecar that is simulated. */
export async function allInOne(folder: string): Promise<Deployment> {
  const { data, temporary, env } = await placeOf(join(folder, 'all-in-one'))
  const sidecar = simulatedSidecar({ answerMs: SIMULATED_ANSWER_MS })
  const service = await started({ ...env, SIDECAR_URL: `http://127.0.0.1:${sidecar.port}` })
  return {
    name: 'all in one',
    url: service.url,
    data,
    temporary,
    services: [service],
    databaseUrl: null,
    processes: [{ name: 'all in one', pids: async () => [service.pid] }],
    stop: () => stopped([service]),
    openDatabase: () => openPglite({ dataDir: join(data, 'postgres') }),
    close: () => sidecar.stop(true),
  }
}

async function placeOf(folder: string) {
  const data = join(folder, 'data')
  const temporary = join(folder, 'temporary')
  await mkdir(temporary, { recursive: true })
  const env = {
    HOST: '127.0.0.1',
    DATA_DIR: data,
    TMPDIR: temporary,
    OUTBOUND_ALLOW: '127.0.0.1',
    MAX_UPLOAD_BYTES: String(MAX_UPLOAD_BYTES),
    LOGINS_PER_MINUTE: '100000',
  }
  return { data, temporary, env }
}

async function started(env: Record<string, string>): Promise<RunningService> {
  const port = String(freePort())
  return startService({ ...env, PORT: port, PUBLIC_URL: `http://127.0.0.1:${port}` }, COMMAND)
}

/** In a session of its own too. */
async function startedSidecar(folder: string, env: Record<string, string>): Promise<SidecarProcess> {
  const { python, model } = await installed()
  const apart = join(folder, 'python')
  await writeFile(apart, `#!/bin/sh\nexec setsid '${python}' "$@"\n`, { mode: 0o755 })
  const settings = { ...childEnvironment(process.env), ...env }
  return startSidecar({ python: apart, model, root: ROOT, env: settings, log: () => {} })
}

async function stopped(services: RunningService[]): Promise<void> {
  await Promise.all(services.map((service) => service.kill('SIGTERM')))
}
