import { invalidField } from '../transcriptions/intake/field-values.ts'
import type { TranscriptionsService } from '../transcriptions/transcriptions.service.ts'
import { audioUrl, errorOf, type ReadingServices, type STATUSES, statusOf } from './transcript.ts'

type Page = Awaited<ReturnType<TranscriptionsService['neighbors']>>

export type ListRequest = {
  limit: number
  status: (typeof STATUSES)[number] | undefined
  /** A day, such as `2026-01-31`. */
  createdOn: string | undefined
  beforeId: string | null
  afterId: string | null
}

type Stored = Page['transcriptions'][number]['status']

/** Reads a page of a user's transcripts, the newest first. Throws `validation` and `not_found`. */
export async function readList(
  { transcriptions, publicUrl }: ReadingServices,
  {
    userId,
    days,
    ...request
  }: ListRequest & { userId: string; days: { createdFrom?: Date; createdTo?: Date } },
) {
  const { limit, status, beforeId, afterId } = request
  if (beforeId && afterId) throw invalidField('after_id', 'is set, and before_id too: send one of them')
  const page = await transcriptions.neighbors({
    userId,
    limit,
    olderThan: beforeId,
    newerThan: afterId,
    ...(status && { status: storedStatuses(status) }),
    ...days,
  })
  const url = `${publicUrl()}/assemblyai/v2/transcript`
  return {
    page_details: pageDetails(page, { url, request }),
    transcripts: page.transcriptions.map((row) => ({
      id: row.id,
      resource_url: `${url}/${row.id}`,
      status: statusOf(row.status),
      created: row.created_at,
      completed: row.completed_at,
      audio_url: audioUrl(publicUrl(), row.id),
      error: errorOf(row),
    })),
  }
}

const storedStatuses = (status: (typeof STATUSES)[number]): Stored[] =>
  status === 'error' ? ['failed', 'canceled'] : [status]

/** AssemblyAI calls older transcripts the previous ones. */
function pageDetails(
  { transcriptions, hasOlder, hasNewer }: Page,
  { url, request }: { url: string; request: ListRequest },
) {
  const [newest, oldest] = [transcriptions[0], transcriptions.at(-1)]
  const { limit, status, createdOn, beforeId, afterId } = request
  const pageUrl = (place: Record<string, string>) => {
    const filter = {
      limit: String(limit),
      ...(status && { status }),
      ...(createdOn && { created_on: createdOn }),
    }
    return `${url}?${new URLSearchParams({ ...filter, ...place })}`
  }
  return {
    limit,
    result_count: transcriptions.length,
    current_url: pageUrl({ ...(beforeId && { before_id: beforeId }), ...(afterId && { after_id: afterId }) }),
    prev_url: hasOlder && oldest ? pageUrl({ before_id: oldest.id }) : null,
    next_url: hasNewer && newest ? pageUrl({ after_id: newest.id }) : null,
  }
}
