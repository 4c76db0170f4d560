import postgres from 'postgres'
import { openPostgres } from '../../src/db/postgres.ts'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import { startService } from '../../test/e2e/service.ts'
import { openServer } from '../shared/postgres.ts'
import { startFleet } from './fleet.ts'
import { openObserver } from './observe.ts'

const SETTINGS = [
  'shared_preload_libraries=pg_stat_statements',
  'pg_stat_statements.track_planning=on',
  'max_connections=2000',
  'shared_buffers=1GB',
  'max_wal_size=4GB',
]

/** The statements of starting are over by then. */
const SETTLE_MS = 3_000

export type Place = Awaited<ReturnType<typeof openPlace>>

/**
 * An API on a Postgres of its own, or on the one at `given`, with the bench's own ways into both; `fleetOf` runs workers
 * beside it for as long as `use` takes.
 */
export async function openPlace({
  given,
  folder,
  answerMs,
}: {
  given: string | undefined
  folder: string
  answerMs: number
}) {
  const closing = new AsyncDisposableStack()
  const server = given === undefined ? await openServer({ settings: SETTINGS }) : null
  closing.defer(async () => server?.close())
  const url = given ?? server?.url ?? ''
  const { db, listen, close } = await openPostgres({ url })
  closing.defer(close)
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  closing.defer(() => sql.end())
  const queue = await pgBossQueue({ database: { url }, listen, onError: console.error })
  closing.defer(() => queue.stop(0))
  const api = await startService({ DATA_DIR: folder, DATABASE_URL: url, MODE: 'api' })
  closing.defer(async () => void (await api.kill('SIGTERM')))
  const fleets = new Set<Awaited<ReturnType<typeof startFleet>>>()
  closing.defer(async () => {
    for (const fleet of fleets) await fleet.stop()
  })

  return {
    url,
    db,
    sql,
    queue,
    api: api.url,
    observe: await openObserver(sql),
    async fleetOf<T>(workers: number, use: (cpuSeconds: () => number) => Promise<T>): Promise<T> {
      const fleet = await startFleet({ workers, answerMs, url, folder })
      fleets.add(fleet)
      await Bun.sleep(SETTLE_MS)
      const result = await use(fleet.cpuSeconds)
      await fleet.stop()
      fleets.delete(fleet)
      return result
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  }
}
