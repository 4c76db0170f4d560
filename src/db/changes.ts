import type { OpenDatabase } from './database.ts'

/** The payloads are ids of transcriptions. */
export const CHANNELS = { changes: 'transcriptions', ends: 'finished' } as const

type Listen = (transcriptionId: string, onChange: () => void) => () => void

/**
 * Reports changes and deletions of transcriptions by any process. The functions call `onChange` after each
 * commit, and when a notification may have been lost; the listener reads the database for the change. They
 * return the function that unsubscribes.
 */
export type Changes = {
  /** Reports each change. */
  listen: Listen
  /** Reports only changes of a transcription that has finished, the first of which finishes it, and its deletion. */
  listenForEnd: Listen
}

export async function openChanges({ listen }: Pick<OpenDatabase, 'listen'>): Promise<Changes> {
  return {
    listen: await listenOn(listen, CHANNELS.changes),
    listenForEnd: await listenOn(listen, CHANNELS.ends),
  }
}

async function listenOn(listen: OpenDatabase['listen'], channel: string): Promise<Listen> {
  const listeners = new Map<string, Set<() => void>>()
  await listen(channel, {
    hear(id) {
      for (const onChange of listeners.get(id) ?? []) onChange()
    },
    missed() {
      for (const ofTranscription of listeners.values()) for (const onChange of ofTranscription) onChange()
    },
  })
  return (id, onChange) => {
    const ofTranscription = listeners.get(id) ?? new Set()
    listeners.set(id, ofTranscription.add(onChange))
    return () => {
      ofTranscription.delete(onChange)
      if (ofTranscription.size === 0 && listeners.get(id) === ofTranscription) listeners.delete(id)
    }
  }
}
