import type { Delivery } from './deliveries.store.ts'

/** The body of a message: the event and links to its transcription. */
export function messageOf({ event, transcriptionId, createdAt }: Delivery, publicUrl: string): string {
  return JSON.stringify({ type: event, timestamp: createdAt.toISOString(), data: dataOf() })

  function dataOf() {
    if (transcriptionId === null) return {}
    const url = `${publicUrl}/api/transcriptions/${transcriptionId}`
    const [, status] = event.split('.')
    return { id: transcriptionId, status, links: { transcription: url, transcript: `${url}/transcript` } }
  }
}
