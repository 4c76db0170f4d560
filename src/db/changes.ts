import type { OpenDatabase } from './database.ts'

const CHANNEL = 'transcriptions'

/** Reports changes and deletions of transcriptions by any process. */
export type Changes = {
  /**
   * Calls `onChange` after each committed change of the transcription, and when a notification may have been
   * lost. The listener reads the database for the change. Returns the function that unsubscribes.
   */
  listen(transcriptionId: string, onChange: () => void): () => void
}

export async function openChanges({ listen }: Pick<OpenDatabase, 'listen'>): Promise<Changes> {
  const listeners = new Map<string, Set<() => void>>()
  await listen(CHANNEL, {
    hear(id) {
      for (const onChange of listeners.get(id) ?? []) onChange()
    },
    missed() {
      for (const ofTranscription of listeners.values()) for (const onChange of ofTranscription) onChange()
    },
  })

  return {
    listen(id, onChange) {
      const ofTranscription = listeners.get(id) ?? new Set()
      listeners.set(id, ofTranscription.add(onChange))
      return () => {
        ofTranscription.delete(onChange)
        if (ofTranscription.size === 0 && listeners.get(id) === ofTranscription) listeners.delete(id)
      }
    },
  }
}
