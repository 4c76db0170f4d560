import type { Database } from '../../db/database.ts'
import type { Engines } from '../../engines/failover.ts'
import type { Log } from '../../log.ts'
import { reportModels } from './engine-models.store.ts'

const CHECK_MS = 5000
/** A report holds for ten minutes. */
const REPEAT_MS = 60_000

/** Reports the models of this process's engines to the API: when they change, and every minute. */
export function startModelReports({
  db,
  engines,
  log,
}: {
  db: Database
  engines: Pick<Engines, 'models'>
  log: Log
}): { stop(): Promise<void> } {
  let reported = ''
  let reportedAt = 0
  let running: Promise<void> | null = null

  async function report() {
    const models = engines.models().flatMap(({ engine, models }) =>
      models.map(({ id, aliases, languages, translates, words }) => ({
        ...{ engine, id, aliases, languages, translates, words },
      })),
    )
    const state = JSON.stringify(models)
    if (state === reported && performance.now() - reportedAt < REPEAT_MS) return
    await reportModels(db, models)
    reported = state
    reportedAt = performance.now()
  }

  function start() {
    running ??= report()
      .catch((error) => log('cannot report the models of the engines', error))
      .finally(() => {
        running = null
      })
  }

  start()
  const timer = setInterval(start, CHECK_MS)

  return {
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
