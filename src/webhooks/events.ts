/** The events that a webhook can subscribe to. */
export const EVENTS = ['transcription.completed', 'transcription.failed', 'transcription.canceled'] as const

export type WebhookEvent = (typeof EVENTS)[number]
