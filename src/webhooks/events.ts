/** What a webhook can be told of. */
export const EVENTS = ['transcription.completed', 'transcription.failed', 'transcription.canceled'] as const

export type WebhookEvent = (typeof EVENTS)[number]
