/**
 * What has to become of an upload: `kept` until the end with its outcome; `canceled`, or over before it was; `deleted`, so
 * that nothing is there of it; `unsure` where the client left before the answer: if it is there, it has its outcome.
 */
export type Fate = 'kept' | 'canceled' | 'deleted' | 'unsure'

export type Entry = {
  /** No other upload has it. */
  filename: string
  recording: string
  fate: Fate
  /** Null where the answer was not waited for. */
  id: string | null
}

export function openLedger() {
  const entries = new Map<string, Entry>()
  return {
    entries,
    enter(entry: Entry): Entry {
      entries.set(entry.filename, entry)
      return entry
    },
  }
}

export type Ledger = ReturnType<typeof openLedger>

/** How a transcription ended, in a line that is compared with how it ends undisturbed. */
export function outcomeOf(ended: {
  status: string
  text: string | null
  failure: string | null | undefined
}): string {
  return `${ended.status}: ${ended.failure ?? ended.text ?? ''}`
}

export const refusedWith = (code: string) => `refused: ${code}`
