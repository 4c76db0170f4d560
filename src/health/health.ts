import type { EngineState } from '../engines/engine.ts'
import type { Engines } from '../engines/preference.ts'

export type Health = ReturnType<typeof createHealth>

/** What the service needs to transcribe, each with a sentence for an operator. */
export function createHealth({
  ping,
  engines,
}: {
  ping: () => Promise<void>
  engines: Pick<Engines, 'state'>
}) {
  return async (): Promise<{ ready: boolean; checks: { database: EngineState; engine: EngineState } }> => {
    const database = await ping().then(
      () => ({ ready: true, detail: 'The database answers' }),
      () => ({
        ready: false,
        detail: 'The database does not answer: check that it runs and DATABASE_URL is right',
      }),
    )
    const { ready, detail } = engines.state()
    return { ready: database.ready && ready, checks: { database, engine: { ready, detail } } }
  }
}
