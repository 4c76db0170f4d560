import type { OpenDatabase } from './database.ts'

const CHANNEL = 'transcriptions'

/** Tells of transcriptions that were changed or removed, by whatever process. */
export type Changes = {
  /**
   * Calls `hear` after each change of that transcription is committed, and when one may have been missed; what changed
   * is in the database. Gives the function that ends it.
   */
  listen(transcriptionId: string, hear: () => void): () => void
}

export async function openChanges({ listen }: Pick<OpenDatabase, 'listen'>): Promise<Changes> {
  const listeners = new Map<string, Set<() => void>>()
  await listen(CHANNEL, {
    hear(id) {
      for (const hear of listeners.get(id) ?? []) hear()
    },
    missed() {
      for (const among of listeners.values()) for (const hear of among) hear()
    },
  })

  return {
    listen(id, hear) {
      const among = listeners.get(id) ?? new Set()
      listeners.set(id, among.add(hear))
      return () => {
        among.delete(hear)
        if (among.size === 0 && listeners.get(id) === among) listeners.delete(id)
      }
    },
  }
}
