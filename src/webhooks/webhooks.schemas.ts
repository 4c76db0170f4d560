import { t } from 'elysia'
import { EVENTS } from './events.ts'

const ID = '7a720979-a02e-4206-919b-21f4f359f36b'

const nullable = <T extends Parameters<typeof t.Union>[0][number]>(schema: T) => t.Union([schema, t.Null()])
const time = () => t.String({ format: 'date-time' })

export const WebhookParams = t.Object({ id: t.String({ description: 'The webhook’s', examples: [ID] }) })

const idOrUploads = () =>
  t.String({ description: 'The webhook’s, or `uploads`: of each `webhook_url`', examples: [ID] })

export const SigningParams = t.Object({ id: idOrUploads() })

export const DeliveryParams = t.Object({
  id: idOrUploads(),
  delivery: t.String({
    description: 'The delivery’s, which its message carries as `webhook-id`',
    examples: [ID],
  }),
})

const url = () =>
  t.String({
    minLength: 1,
    maxLength: 2048,
    description: 'An https URL on the public internet, or one of a network that the operator has named',
  })

const events = () =>
  t.Array(t.UnionEnum([...EVENTS]), {
    minItems: 1,
    maxItems: EVENTS.length,
    uniqueItems: true,
    default: [...EVENTS],
  })

export const NewWebhook = t.Object(
  { url: url(), events: t.Optional(events()) },
  { examples: [{ url: 'https://example.com/hook', events: ['transcription.completed'] }] },
)

export const WebhookChanges = t.Object(
  { url: t.Optional(url()), events: t.Optional(events()), enabled: t.Optional(t.Boolean()) },
  { minProperties: 1, examples: [{ enabled: true }] },
)

const webhook = {
  id: t.String({ format: 'uuid' }),
  url: t.String(),
  events: t.Array(t.UnionEnum([...EVENTS])),
  enabled: t.Boolean({
    description: 'False once its host has answered with 410: nothing is sent there until it is true',
  }),
  created_at: time(),
  disabled_at: nullable(time()),
}

const exampleWebhook = {
  id: ID,
  url: 'https://example.com/hook',
  events: ['transcription.completed'],
  enabled: true,
  created_at: '2026-01-01T12:00:00Z',
  disabled_at: null,
}

export const Webhook = t.Object(webhook, { examples: [exampleWebhook] })

const secret = t.String({
  description: 'What its messages are signed with; given here and never again',
  examples: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'],
})

export const Registered = t.Object(
  { ...webhook, secret },
  { examples: [{ ...exampleWebhook, secret: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD' }] },
)

export const Rotated = t.Object(
  {
    secret,
    previous_until: t.String({
      format: 'date-time',
      description: 'Until then messages carry a signature with the secret before it, too',
    }),
  },
  {
    examples: [{ secret: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', previous_until: '2026-01-02T12:00:00Z' }],
  },
)

export const Webhooks = t.Object(
  { webhooks: t.Array(Webhook) },
  { examples: [{ webhooks: [exampleWebhook] }] },
)

const delivery = {
  id: t.String({ format: 'uuid' }),
  event: t.UnionEnum([...EVENTS, 'webhook.test']),
  url: nullable(t.String({ description: 'Where its upload had it sent; null: to the webhook’s' })),
  transcription_id: nullable(t.String({ format: 'uuid' })),
  state: t.UnionEnum(['pending', 'delivered', 'failed']),
  created_at: time(),
  next_attempt_at: nullable(time()),
  attempts: t.Array(
    t.Object({
      at: time(),
      seconds: t.Number({ description: 'How long it took' }),
      status: nullable(t.Number({ multipleOf: 1, description: 'Of the answer; null where there was none' })),
      error: nullable(t.String({ description: 'Why there was no answer' })),
    }),
    { description: 'The latest thirty, in order' },
  ),
}

const exampleDelivery = {
  id: ID,
  event: 'transcription.completed',
  url: null,
  transcription_id: ID,
  state: 'delivered',
  created_at: '2026-01-01T12:00:00Z',
  next_attempt_at: null,
  attempts: [{ at: '2026-01-01T12:00:01Z', seconds: 0.12, status: 200, error: null }],
}

export const Delivery = t.Object(delivery, { examples: [exampleDelivery] })

export const DeliveriesQuery = t.Object({
  limit: t.Optional(t.Integer({ minimum: 1, maximum: 100, default: 20 })),
  cursor: t.Optional(t.String({ format: 'uuid', description: 'The `next_cursor` of the page before' })),
})

export const Deliveries = t.Object(
  {
    deliveries: t.Array(Delivery, { description: 'The latest first' }),
    next_cursor: nullable(
      t.String({ format: 'uuid', description: 'Of the next page; null on the last one' }),
    ),
  },
  { examples: [{ deliveries: [exampleDelivery], next_cursor: null }] },
)
