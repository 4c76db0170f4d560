import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { isUuid } from '../../uuid.ts'
import { createProvisionalSpeakers, type ProvisionalSpeakers } from '../speakers/provisional-speakers.ts'
import { withVoices } from '../transcript/voices.ts'
import { findTranscription, segmentsOf } from '../transcriptions.store.ts'
import { type Change, changeStream } from './change-stream.ts'
import { invalidLink, type LinkSigner, type SignedLink } from './signed-links.ts'
import type { FormatStatus } from './status.ts'
import { formatSegment, formatSpeakers } from './transcript.ts'

export type TranscriptionEvent = { event: string; id?: string; data: unknown }

export const eventsPath = (id: string) => `/api/transcriptions/${id}/events`

/** The owner of the transcription whose events a signed link opens. Throws `not_found` if it is invalid. */
export async function eventsLinkOwner(
  { db, links }: { db: Database; links: LinkSigner },
  { id, expires, signature }: SignedLink,
): Promise<string> {
  const isValid = isUuid(id) && links.verify({ path: eventsPath(id), expires, signature })
  const row = isValid ? await findTranscription(db, id) : null
  if (!row) throw invalidLink('events')
  return row.userId
}

/**
 * The changes of a transcription as server-sent events: `status`, `segments` for each finished span, `removed`
 * and, if speakers were requested, `speakers` before the last status. Event ids are revisions; `after` is the id of the last event that the client received. Without
 * `hasLinks`, statuses contain no signed links. Disposes of `permit` at the end.
 */
export async function* transcriptionEvents(
  { db, changes, formatStatus }: { db: Database; changes: Changes; formatStatus: FormatStatus },
  {
    id,
    after,
    hasLinks,
    signal,
    permit,
  }: { id: string; after: number; hasLinks: boolean; signal: AbortSignal; permit: Disposable },
): AsyncGenerator<TranscriptionEvent, void> {
  using _permit = permit
  const labels = createProvisionalSpeakers(db, { id, after })
  for await (const change of changeStream({ db, changes }, { id, revision: after, signal })) {
    if (change.kind === 'removed') yield { event: 'removed', data: { id } }
    else if (change.kind === 'span') yield await segmentsEvent(change, labels)
    else {
      if (change.row.status === 'completed' && change.row.diarize) yield await speakersEvent(db, change)
      const data = await formatStatus(change.row, { hasLinks })
      yield { event: 'status', id: String(change.revision), data }
    }
  }
}

async function segmentsEvent(
  { revision, span, row }: Change & { kind: 'span' },
  labels: ProvisionalSpeakers,
): Promise<TranscriptionEvent> {
  const { startSample, endSample, channel } = span
  const isProvisional = row.diarize && row.status === 'processing'
  const segments = isProvisional
    ? await labels.label(span)
    : withVoices(
        span.segments.map((segment) => ({ ...segment, channel })),
        row,
      )
  return {
    event: 'segments',
    id: String(revision),
    data: {
      start: startSample / SAMPLE_RATE,
      end: endSample / SAMPLE_RATE,
      ...(row.diarize && { provisional: isProvisional }),
      segments: segments.map((segment) => formatSegment(segment, row)),
    },
  }
}

/** The final speakers, with all segments: they are cut where the speaker changes. */
async function speakersEvent(
  db: Database,
  { row, revision }: Change & { kind: 'state' },
): Promise<TranscriptionEvent> {
  const segments = withVoices(await segmentsOf(db, row), row)
  return {
    event: 'speakers',
    id: String(revision),
    data: {
      speakers: formatSpeakers(row, segments),
      segments: segments.map((segment) => formatSegment(segment, row)),
    },
  }
}
