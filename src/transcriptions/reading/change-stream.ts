import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import { listFinishedSince } from '../spans.store.ts'
import { findTranscription, isFinished, type Transcription } from '../transcriptions.store.ts'

type FinishedSpan = Awaited<ReturnType<typeof listFinishedSince>>[number]

/** A stream that resumes after `revision` misses no change. */
export type Change =
  | { kind: 'span'; revision: number; row: Transcription; span: FinishedSpan }
  | { kind: 'state'; revision: number; row: Transcription }
  | { kind: 'removed' }

/**
 * Streams the changes of a transcription: its current state, each span that finished after `revision`, in the
 * order in which spans finish, and its state after each change. Ends when the transcription has finished or
 * is removed, or when `signal` fires.
 */
export async function* changeStream(
  { db, changes }: { db: Database; changes: Changes },
  { id, revision, signal }: { id: string; revision: number; signal: AbortSignal },
): AsyncGenerator<Change, void> {
  using listener = listenTo(changes.listen, id, signal, () => void sharedReads.get(db)?.delete(id))
  let sentRevision = revision
  let stateRevision = -1
  while (!signal.aborted) {
    // Called before the read: a change during the read resolves it.
    const changed = listener.next()
    const { row, finished } = await readChanges(db, { id, revision: sentRevision })
    if (!row) return yield { kind: 'removed' }
    for (const span of finished) {
      sentRevision = span.revision ?? sentRevision
      yield { kind: 'span', revision: sentRevision, row, span }
    }
    if (row.revision > stateRevision) {
      stateRevision = row.revision
      yield { kind: 'state', revision: sentRevision, row }
    }
    if (isFinished(row)) return
    await changed
  }
}

type ChangesRead = { row: Transcription | null; finished: FinishedSpan[] }
type ReadsByRevision = Map<number, Promise<ChangesRead>>

/** Reads in progress, by transcription id and the revision after which they read. */
const sharedReads = new WeakMap<Database, Map<string, ReadsByRevision>>()

/**
 * Reads a transcription and its spans that finished after `revision`. Streams that read in the same turn of
 * the event loop share one read, so that many listeners cost no more queries. A change ends the sharing: the
 * embedded database may read, write and notify within one turn, and a notified stream must not receive the
 * state before the write.
 */
function readChanges(db: Database, { id, revision }: { id: string; revision: number }): Promise<ChangesRead> {
  const byId = sharedReads.get(db) ?? new Map<string, ReadsByRevision>()
  sharedReads.set(db, byId)
  const byRevision: ReadsByRevision = byId.get(id) ?? new Map()
  byId.set(id, byRevision)
  const shared = byRevision.get(revision)
  if (shared) return shared
  const read = (async () => ({
    row: await findTranscription(db, id),
    finished: await listFinishedSince(db, { id, revision }),
  }))()
  byRevision.set(revision, read)
  setImmediate(() => {
    if (byId.get(id) === byRevision) byId.delete(id)
  })
  return read
}

/** Reads a transcription with `read` until it has finished or `signal` fires. `read` throws if it was removed. */
export async function untilFinished(
  changes: Changes,
  { id, signal, read }: { id: string; signal: AbortSignal; read: () => Promise<Transcription> },
): Promise<Transcription> {
  using listener = listenTo(changes.listenForEnd, id, signal)
  for (;;) {
    const changed = listener.next()
    const row = await read()
    if (isFinished(row) || signal.aborted) return row
    await changed
  }
}

/**
 * `next` resolves at the first change after its call, or when `signal` fires. `onChange` is called before
 * `next` resolves, and on disposal.
 */
function listenTo(listen: Changes['listen'], id: string, signal: AbortSignal, onChange = () => {}) {
  let change = Promise.withResolvers<void>()
  const notify = () => {
    onChange()
    change.resolve()
    change = Promise.withResolvers()
  }
  const stop = listen(id, notify)
  signal.addEventListener('abort', notify)
  return {
    next: () => (signal.aborted ? Promise.resolve() : change.promise),
    [Symbol.dispose]() {
      stop()
      onChange()
      signal.removeEventListener('abort', notify)
    },
  }
}
