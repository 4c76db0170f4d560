import { sleep } from '../../async.ts'
import { VerbatimError } from '../../errors.ts'

const ATTEMPTS = 3
const FIRST_PAUSE_MS = 300

/**
 * The engine accepted the span and failed to transcribe it (text-generation-inference's 424). The cause may
 * be a temporary lack of memory, or audio that always breaks the model. Retries tell these apart.
 */
export class GenerationFailed extends VerbatimError {
  override name = 'GenerationFailed'

  constructor(message: string, options?: ErrorOptions) {
    super('engine_rejected', message, options)
  }
}

/** Runs `attempt` up to three times while it throws `GenerationFailed`. */
export async function retryGeneration<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof GenerationFailed) || failures === ATTEMPTS) throw error
      await sleep(FIRST_PAUSE_MS * failures, signal)
      signal.throwIfAborted()
    }
  }
}
