import type { Outgoing } from './deliveries.store.ts'

/** The body of a message: the event, the warnings of its transcription, and links to it. */
export function messageOf(
  {
    event,
    transcriptionId,
    createdAt,
    warnings,
  }: Pick<Outgoing, 'event' | 'transcriptionId' | 'createdAt' | 'warnings'>,
  publicUrl: string,
): string {
  return JSON.stringify({ type: event, timestamp: createdAt.toISOString(), data: dataOf() })

  function dataOf() {
    if (transcriptionId === null) return {}
    const url = `${publicUrl}/api/transcriptions/${transcriptionId}`
    const [, status] = event.split('.')
    const links = { transcription: url, transcript: `${url}/transcript` }
    return { id: transcriptionId, status, warnings, links }
  }
}
