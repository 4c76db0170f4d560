import { VerbatimError } from '../../src/errors.ts'

/** The `VerbatimError` that `work` throws. */
export async function engineError(work: Promise<unknown>): Promise<VerbatimError> {
  try {
    await work
  } catch (error) {
    if (error instanceof VerbatimError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
