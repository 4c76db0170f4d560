import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { type Change, changeStream } from './change-stream.ts'
import type { FormatStatus } from './status.ts'
import { formatSegment } from './transcript.ts'

export type TranscriptionEvent = { event: string; id?: string; data: unknown }

/**
 * The changes of a transcription as server-sent events: `status`, `segments` for each finished span, and
 * `removed`. Event ids are revisions; `after` is the id of the last event that the client received. Disposes
 * of `permit` at the end.
 */
export async function* transcriptionEvents(
  { db, changes, formatStatus }: { db: Database; changes: Changes; formatStatus: FormatStatus },
  { id, after, signal, permit }: { id: string; after: number; signal: AbortSignal; permit: Disposable },
): AsyncGenerator<TranscriptionEvent, void> {
  using _permit = permit
  for await (const change of changeStream({ db, changes }, { id, revision: after, signal })) {
    if (change.kind === 'removed') yield { event: 'removed', data: { id } }
    else if (change.kind === 'span') yield segmentsEvent(change)
    else yield { event: 'status', id: String(change.revision), data: await formatStatus(change.row) }
  }
}

function segmentsEvent({ revision, span, row }: Change & { kind: 'span' }): TranscriptionEvent {
  const { startSample, endSample, channel } = span
  return {
    event: 'segments',
    id: String(revision),
    data: {
      start: startSample / SAMPLE_RATE,
      end: endSample / SAMPLE_RATE,
      segments: span.segments.map((segment) => formatSegment({ ...segment, channel }, row)),
    },
  }
}
