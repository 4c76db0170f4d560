import type { Engine, EngineState } from '../engines/engine.ts'

export type Health = ReturnType<typeof createHealth>

/** What the service needs to transcribe, each with a sentence for an operator. */
export function createHealth({ ping, engine }: { ping: () => Promise<void>; engine: Engine }) {
  return async (): Promise<{ ready: boolean; checks: { database: EngineState; engine: EngineState } }> => {
    const database = await ping().then(
      () => ({ ready: true, detail: 'The database answers' }),
      () => ({
        ready: false,
        detail: 'The database does not answer: check that it runs and DATABASE_URL is right',
      }),
    )
    const { ready, detail } = engine.state()
    return { ready: database.ready && ready, checks: { database, engine: { ready, detail } } }
  }
}
