import { t } from 'elysia'
import { nullable } from '../http/schema.ts'
import { EVENTS } from './events.ts'

const ID = '7a720979-a02e-4206-919b-21f4f359f36b'

const time = () => t.String({ format: 'date-time' })

export const WebhookParams = t.Object({
  id: t.String({ description: 'The id of the webhook', examples: [ID] }),
})

const idOrUploads = () =>
  t.String({ description: 'The id of the webhook, or `uploads` for all `webhook_url`s', examples: [ID] })

export const SigningParams = t.Object({ id: idOrUploads() })

export const DeliveryParams = t.Object({
  id: idOrUploads(),
  delivery: t.String({
    description: 'The id of the delivery, which its message carries as `webhook-id`',
    examples: [ID],
  }),
})

const url = () =>
  t.String({
    minLength: 1,
    maxLength: 2048,
    description: 'An https URL on the public internet, or on a private network that the operator allows',
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
    description: 'False after its host answered 410. Nothing is sent until it is set to true',
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
  description: 'Signs the messages. It cannot be read again',
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
      description: 'Until then, messages are also signed with the previous secret',
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
  url: nullable(
    t.String({ description: 'The `webhook_url` of the upload; null if sent to the URL of the webhook' }),
  ),
  transcription_id: nullable(t.String({ format: 'uuid' })),
  state: t.UnionEnum(['pending', 'delivered', 'failed']),
  created_at: time(),
  next_attempt_at: nullable(time()),
  attempts: t.Array(
    t.Object({
      at: time(),
      seconds: t.Number({ description: 'Duration of the attempt' }),
      status: nullable(
        t.Number({ multipleOf: 1, description: 'HTTP status of the response; null if there was none' }),
      ),
      error: nullable(t.String({ description: 'Why there was no response' })),
    }),
    { description: 'The latest 30 attempts, the oldest first' },
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
  cursor: t.Optional(t.String({ format: 'uuid', description: 'The `next_cursor` of the previous page' })),
})

export const Deliveries = t.Object(
  {
    deliveries: t.Array(Delivery, { description: 'The latest first' }),
    next_cursor: nullable(
      t.String({ format: 'uuid', description: 'Cursor of the next page; null on the last page' }),
    ),
  },
  { examples: [{ deliveries: [exampleDelivery], next_cursor: null }] },
)
