import type { Delivery } from './deliveries.store.ts'

/** A message's body: what happened, and where to read more of it. */
export function messageOf({ event, transcriptionId, createdAt }: Delivery, publicUrl: string): string {
  return JSON.stringify({ type: event, timestamp: createdAt.toISOString(), data: dataOf() })

  function dataOf() {
    if (transcriptionId === null) return {}
    const at = `${publicUrl}/api/transcriptions/${transcriptionId}`
    const [, status] = event.split('.')
    return { id: transcriptionId, status, links: { transcription: at, transcript: `${at}/transcript` } }
  }
}
