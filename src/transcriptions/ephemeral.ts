import { VerbatimError } from '../errors.ts'
import type { OwnedKeys } from './owned.ts'
import type { TranscriptionsService } from './transcriptions.service.ts'

/** The request that made an ephemeral transcription. */
type Origin = {
  request: Request
  /** Returns a signal that aborts when the caller's credential becomes invalid before `until` aborts. */
  watchCredential: (until: AbortSignal) => AbortSignal
}

/**
 * A transcription that one request waits for. Disposing of it ends the wait and removes the transcription.
 *
 * `signal` fires when the client disconnects, the service stops, the wait ends, or the caller's credential is
 * not valid any more.
 */
export function holdEphemeral(
  {
    transcriptions,
    stopping,
  }: { transcriptions: Pick<TranscriptionsService, 'completion' | 'remove'>; stopping: AbortSignal },
  { id, userId, request, watchCredential }: OwnedKeys & Origin,
) {
  const wait = new AbortController()
  const end = AbortSignal.any([wait.signal, request.signal, stopping])
  const credential = watchCredential(end)
  const signal = AbortSignal.any([end, credential])

  return {
    signal,

    endWait: () => wait.abort(),

    /**
     * As the service's `completion`; also throws `unauthorized` when the caller's credential is not valid any
     * more.
     */
    async completion(): Promise<void> {
      try {
        await transcriptions.completion({ id, userId, signal })
      } finally {
        credential.throwIfAborted()
      }
    },

    /** Does nothing if the user has removed the transcription meanwhile. */
    async [Symbol.asyncDispose](): Promise<void> {
      wait.abort()
      await transcriptions.remove({ id, userId }).catch((error: unknown) => {
        if (!(error instanceof VerbatimError)) throw error
      })
    },
  }
}
