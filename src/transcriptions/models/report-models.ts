import type { Database } from '../../db/database.ts'
import type { Engines } from '../../engines/failover.ts'
import type { Log } from '../../log.ts'
import { type PollLoop, startPollLoop } from '../../queue/poll-loop.ts'
import { reportModels } from './engine-models.store.ts'

/** Until all engines have told their models, and then. */
const CHECK_MS = { waiting: 5_000, usual: 60_000 }
/** A report holds for ten minutes. */
const REPEAT_MS = 240_000

/** Reports the models of this process's engines to the API: within a minute of a change, and every four minutes. */
export function startModelReports({
  db,
  engines,
  log,
}: {
  db: Database
  engines: Pick<Engines, 'models'>
  log: Log
}): Pick<PollLoop, 'stop'> {
  let reported = ''
  let reportedAt = 0

  async function report() {
    const models = engines.models().flatMap(({ engine, models }) =>
      models.map(({ id, aliases, languages, translates, words }) => ({
        ...{ engine, id, aliases, languages, translates, words },
      })),
    )
    const state = JSON.stringify(models)
    if (state === reported && performance.now() - reportedAt < REPEAT_MS) return false
    await reportModels(db, models)
    reported = state
    reportedAt = performance.now()
    return false
  }

  const isWaiting = () => engines.models().some(({ models }) => models.length === 0)
  const loop = startPollLoop({
    pass: report,
    everyMs: () => CHECK_MS[isWaiting() ? 'waiting' : 'usual'],
    onError: (error) => log('cannot report the models of the engines', error),
  })
  loop.wake()
  return loop
}
