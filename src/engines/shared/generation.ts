import { VerbatimError } from '../../errors.ts'
import { pause } from './pause.ts'

const ATTEMPTS = 3

/**
 * The engine took the span and could not finish it (text-generation-inference's 424). That may be a passing
 * lack of memory or audio that breaks the model each time: tried again a few times it tells the one from the
 * other.
 */
export class GenerationFailed extends VerbatimError {
  override name = 'GenerationFailed'

  constructor(message: string, options?: ErrorOptions) {
    super('engine_rejected', message, options)
  }
}

/** Runs `attempt`, up to three times while it throws `GenerationFailed`. */
export async function retryGeneration<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof GenerationFailed) || failures === ATTEMPTS) throw error
      await pause(300 * failures, signal)
      signal.throwIfAborted()
    }
  }
}
