import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import { listFinishedSince } from '../spans.store.ts'
import { findTranscription, isFinished, type Transcription } from '../transcriptions.store.ts'

type FinishedSpan = Awaited<ReturnType<typeof listFinishedSince>>[number]

/** `revision`: resuming behind it misses nothing. */
export type Change =
  | { kind: 'span'; revision: number; row: Transcription; span: FinishedSpan }
  | { kind: 'state'; revision: number; row: Transcription }
  | { kind: 'removed' }

/**
 * What becomes of a transcription: the spans that were finished after `revision`, in the order in which they were, and its
 * state whenever it has changed, beginning with what it is now. Ends once it is over or removed, or `signal` fires.
 */
export async function* changeStream(
  { db, changes }: { db: Database; changes: Changes },
  { id, revision, signal }: { id: string; revision: number; signal: AbortSignal },
): AsyncGenerator<Change, void> {
  using bell = ringing(changes, id, signal, () => void looks.get(db)?.delete(id))
  let told = revision
  let state = -1
  while (!signal.aborted) {
    // Before it is read: what changes from here on rings again.
    const rung = bell.next()
    const { row, finished } = await look(db, { id, revision: told })
    if (!row) return yield { kind: 'removed' }
    for (const span of finished) {
      told = span.revision ?? told
      yield { kind: 'span', revision: told, row, span }
    }
    if (row.revision > state) {
      state = row.revision
      yield { kind: 'state', revision: told, row }
    }
    if (isFinished(row)) return
    await rung
  }
}

type Look = { row: Transcription | null; finished: FinishedSpan[] }

/** What is being read of each transcription, by its id and the revision behind which it is read. */
const looks = new WeakMap<Database, Map<string, Map<number, Promise<Look>>>>()

/**
 * A transcription as it is, and its spans that were finished after `revision`. All who ask in one turn of the event loop
 * get one reading, so that a change costs no more when many listen for it. A change ends that: the embedded database may
 * read, write and tell of it within one turn, and who was told is not to be given what was read before.
 */
function look(db: Database, { id, revision }: { id: string; revision: number }): Promise<Look> {
  const all = looks.get(db) ?? new Map<string, Map<number, Promise<Look>>>()
  looks.set(db, all)
  const shared = all.get(id) ?? new Map<number, Promise<Look>>()
  all.set(id, shared)
  const begun = shared.get(revision)
  if (begun) return begun
  const looking = (async () => ({
    row: await findTranscription(db, id),
    finished: await listFinishedSince(db, { id, revision }),
  }))()
  shared.set(revision, looking)
  setImmediate(() => {
    if (all.get(id) === shared) all.delete(id)
  })
  return looking
}

/** The transcription once it is over, or as it is when `signal` fires; null where it is gone. */
export async function untilFinished(
  services: { db: Database; changes: Changes },
  { id, signal }: { id: string; signal: AbortSignal },
): Promise<Transcription | null> {
  using bell = ringing(services.changes, id, signal)
  for (;;) {
    const rung = bell.next()
    const row = await findTranscription(services.db, id)
    if (!row || isFinished(row) || signal.aborted) return row
    await rung
  }
}

/**
 * `next` resolves at the next change that comes after it was called, or when `signal` fires. `forget` is called before anyone
 * hears of that, and when nobody is to hear of changes here any more.
 */
function ringing(changes: Changes, id: string, signal: AbortSignal, forget = () => {}) {
  let bell = Promise.withResolvers<void>()
  const ring = () => {
    forget()
    bell.resolve()
    bell = Promise.withResolvers()
  }
  const stop = changes.listen(id, ring)
  signal.addEventListener('abort', ring)
  return {
    next: () => (signal.aborted ? Promise.resolve() : bell.promise),
    [Symbol.dispose]() {
      stop()
      forget()
      signal.removeEventListener('abort', ring)
    },
  }
}
