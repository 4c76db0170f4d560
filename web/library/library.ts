import { computed, effect, signal } from '@preact/signals'
import { api, errorText, unwrap } from '../api/client.ts'
import { session } from '../api/session.ts'
import type { Page, Row, Status } from '../api/types.ts'

export type Filter = { q: string; status: '' | Row['status']; language: string }

const PAGE_SIZE = 20
const POLL_MS = 3_000

export const filter = signal<Filter>({ q: '', status: '', language: '' })
const rows = signal<Row[] | null>(null)
export const counts = signal<Page['counts'] | null>(null)
export const nextCursor = signal<string | null>(null)
export const libraryError = signal<string | null>(null)
/** Rows that the user deleted, while they can be restored. */
export const hidden = signal<ReadonlySet<string>>(new Set())

export const visibleRows = computed(() => rows.value?.filter(({ id }) => !hidden.value.has(id)) ?? null)

export const isOpen = ({ status }: Pick<Row, 'status'>) => status === 'queued' || status === 'processing'

function loadPage(cursor: string | null): Promise<Page> {
  const { q, status, language } = filter.value
  return unwrap(
    api.transcriptions.get({
      query: {
        limit: PAGE_SIZE,
        ...(q.trim() && { q: q.trim() }),
        ...(status && { status }),
        ...(language && { language }),
        ...(cursor !== null && { cursor }),
      },
    }),
  )
}

let reading = 0
let timer: ReturnType<typeof setTimeout> | undefined

/** Reads the first page again, and keeps the pages after it. */
export async function refreshLibrary(): Promise<void> {
  reading += 1
  const own = reading
  clearTimeout(timer)
  try {
    const page = await loadPage(null)
    if (own !== reading) return
    const fresh = new Set(page.transcriptions.map(({ id }) => id))
    const last = page.transcriptions.at(-1)
    const later = (rows.value ?? []).filter(
      ({ id, created_at }) => !fresh.has(id) && last && created_at < last.created_at,
    )
    const hasMorePages = later.length > 0 && page.next_cursor !== null
    rows.value = hasMorePages ? [...page.transcriptions, ...later] : page.transcriptions
    if (!hasMorePages) nextCursor.value = page.next_cursor
    counts.value = page.counts ?? null
    libraryError.value = null
  } catch (error) {
    if (own !== reading) return
    libraryError.value = errorText(error)
  }
  schedule()
}

/** While something is transcribed, or the server was away, the list is read again. */
function schedule(): void {
  const isChanging = libraryError.value !== null || rows.value?.some(isOpen)
  if (isChanging && isWatched) timer = setTimeout(refreshLibrary, POLL_MS)
}

let isWatched = false

/** Keeps the list up to date until the returned function is called. */
export function watchLibrary(): () => void {
  isWatched = true
  refreshLibrary()
  return () => {
    isWatched = false
    clearTimeout(timer)
  }
}

/** Shows a newer status of a row at once. Finished rows are read again, with their excerpt. */
export function updateRow({ id, status, progress, duration, language, warnings }: Status): void {
  if (!isOpen({ status })) return
  rows.value =
    rows.value?.map((row) =>
      row.id === id ? { ...row, status, progress, duration, language, warnings } : row,
    ) ?? null
}

export async function loadMore(): Promise<void> {
  if (nextCursor.value === null) return
  let page: Page
  try {
    page = await loadPage(nextCursor.value)
  } catch (error) {
    libraryError.value = errorText(error)
    return
  }
  const known = new Set(rows.value?.map(({ id }) => id))
  rows.value = [...(rows.value ?? []), ...page.transcriptions.filter(({ id }) => !known.has(id))]
  nextCursor.value = page.next_cursor
}

export function setFilter(changes: Partial<Filter>): void {
  filter.value = { ...filter.value, ...changes }
  rows.value = null
  nextCursor.value = null
  refreshLibrary()
}

// The next account starts with an empty page.
effect(() => {
  if (session.value) return
  reading += 1
  rows.value = null
  counts.value = null
  nextCursor.value = null
  filter.value = { q: '', status: '', language: '' }
})
