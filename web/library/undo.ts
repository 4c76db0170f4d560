import { signal } from '@preact/signals'
import { authorizedFetch } from '../api/client.ts'
import { stored } from '../stored.ts'
import { hidden, refreshLibrary } from './library.ts'

/** How long a deletion can be undone. WCAG 2.2.1: enough to find the button, and focus on the notice stops the clock. */
const UNDO_MS = 10_000

/** `isByKeyboard`: the notice takes the focus, whose place is gone with the row. */
type Deletion = { id: string; name: string; isByKeyboard: boolean }

/** The deletion that can be undone. */
export const pending = signal<Deletion | null>(null)
let timer: ReturnType<typeof setTimeout> | undefined

/** Hides a transcription, and deletes it unless the user undoes that. */
export function deleteLater(deletion: Deletion): void {
  commit()
  pending.value = deletion
  hidden.value = new Set([...hidden.value, deletion.id])
  resumeClock()
}

export function pauseClock(): void {
  clearTimeout(timer)
}

export function resumeClock(): void {
  clearTimeout(timer)
  timer = setTimeout(commit, UNDO_MS)
}

export function undo(): void {
  clearTimeout(timer)
  const { value } = pending
  pending.value = null
  if (value) show(value.id)
}

function show(id: string): void {
  hidden.value = new Set([...hidden.value].filter((other) => other !== id))
}

async function commit(): Promise<void> {
  clearTimeout(timer)
  const { value } = pending
  pending.value = null
  if (value) await remove(value.id)
}

async function remove(id: string): Promise<void> {
  try {
    // The request outlives the page.
    const response = await authorizedFetch(`/api/transcriptions/${id}`, { method: 'DELETE', keepalive: true })
    if (!response.ok && response.status !== 404) show(id)
  } catch {
    show(id)
  }
  await refreshLibrary()
}

/** The deletion that was pending when the page was left. */
const left = stored<string | null>('verbatim.deleting', null, (value) =>
  typeof value === 'string' ? value : null,
)

addEventListener('pagehide', () => {
  left.value = pending.value?.id ?? null
  commit()
})

// The request that the page sent as it was left may not have arrived yet.
if (left.value !== null) {
  hidden.value = new Set([left.value])
  remove(left.value)
  left.value = null
}
