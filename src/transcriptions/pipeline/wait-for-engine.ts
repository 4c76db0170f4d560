import { sleep } from '../../async.ts'
import { EngineOverloaded } from '../../engines/engine.ts'

/** Runs `work` again while its engine is overloaded, each time after the time that the engine asks for. */
export async function waitForEngine<T>(
  work: () => Promise<T>,
  { attempts, signal }: { attempts: number; signal: AbortSignal },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof EngineOverloaded) || attempt === attempts) throw error
      await sleep(error.retryAfterSeconds * 1000, signal)
    }
  }
}
