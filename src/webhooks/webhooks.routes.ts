import { Elysia } from 'elysia'
import { type Authenticator, BEARER, bearer } from '../http/bearer.ts'
import { jsonBody } from '../http/body/json-body.ts'
import { noContent } from '../http/no-content.ts'
import { errorResponses, errorSchemas } from '../http/openapi/statuses.ts'
import type { DeliveriesService } from './deliveries.service.ts'
import {
  Deliveries,
  DeliveriesQuery,
  Delivery,
  DeliveryParams,
  NewWebhook,
  Registered,
  Rotated,
  SigningParams,
  Webhook,
  WebhookChanges,
  WebhookParams,
  Webhooks,
} from './webhooks.schemas.ts'
import type { WebhooksService } from './webhooks.service.ts'

export type WebhookRoutesServices = {
  webhooks: WebhooksService
  deliveries: DeliveriesService
  authenticator: Authenticator
}

const PAGE = 20

export function webhookRoutes(services: WebhookRoutesServices) {
  return new Elysia({ prefix: '/api/webhooks', tags: ['Webhooks'], detail: { security: BEARER } })
    .use(registrationRoutes(services))
    .use(deliveryRoutes(services))
}

function registrationRoutes({ webhooks, authenticator }: WebhookRoutesServices) {
  return new Elysia()
    .use(bearer({ authenticator }))
    .post(
      '',
      async ({ body, userId, set }) => {
        const registered = await webhooks.register({ userId, ...body })
        set.status = 201
        return registered
      },
      {
        ...jsonBody(NewWebhook),
        response: { 201: Registered, ...errorSchemas(400, 401, 403, 409, 413, 429, 502, 503) },
        detail: {
          summary: 'Register a webhook',
          description:
            'Its URL receives a message when a transcription of yours is completed, failed or canceled. ' +
            'Messages follow Standard Webhooks: they are signed with the `secret`, in the headers ' +
            '`webhook-id`, `webhook-timestamp` and `webhook-signature`. A 2xx acknowledges a message, ' +
            '410 disables the webhook, and after anything else delivery is retried for about 75 hours.',
        },
      },
    )
    .get('', ({ userId }) => webhooks.list(userId), {
      response: { 200: Webhooks, ...errorSchemas(401, 403, 429, 503) },
      detail: { summary: 'List your webhooks' },
    })
    .get('/:id', ({ params: { id }, userId }) => webhooks.read({ id, userId }), {
      params: WebhookParams,
      response: { 200: Webhook, ...errorSchemas(401, 403, 404, 429, 503) },
      detail: { summary: 'Get a webhook' },
    })
    .patch('/:id', ({ params: { id }, body, userId }) => webhooks.change({ id, userId, ...body }), {
      ...jsonBody(WebhookChanges),
      params: WebhookParams,
      response: { 200: Webhook, ...errorSchemas(400, 401, 403, 404, 413, 429, 502, 503) },
      detail: {
        summary: 'Change a webhook',
        description: 'Fields that are omitted stay. `enabled: false` fails all pending messages.',
      },
    })
    .delete(
      '/:id',
      async ({ params: { id }, userId }) => {
        await webhooks.remove({ id, userId })
        return noContent()
      },
      {
        params: WebhookParams,
        detail: {
          summary: 'Delete a webhook and its deliveries',
          responses: {
            204: { description: 'The webhook is deleted' },
            ...errorResponses(401, 403, 404, 429),
          },
        },
      },
    )
    .post('/:id/secret', ({ params: { id }, userId }) => webhooks.rotate({ id, userId }), {
      params: SigningParams,
      response: { 200: Rotated, ...errorSchemas(401, 403, 404, 429, 503) },
      detail: {
        summary: 'Rotate the webhook secret',
        description:
          'For 24 hours, messages carry signatures of the new and the previous secret, so that ' +
          'receivers can be updated in any order. With the id `uploads` it rotates the secret for all ' +
          '`webhook_url`s.',
      },
    })
}

function deliveryRoutes({ deliveries, authenticator }: WebhookRoutesServices) {
  return new Elysia()
    .use(bearer({ authenticator }))
    .post(
      '/:id/test',
      async ({ params: { id }, userId, set }) => {
        const delivery = await deliveries.test({ id, userId })
        set.status = 202
        return delivery
      },
      {
        params: WebhookParams,
        response: { 202: Delivery, ...errorSchemas(401, 403, 404, 409, 429, 503) },
        detail: {
          summary: 'Send a test message',
          description:
            'Its type is `webhook.test`. It is signed and retried like any other message; the ' +
            'deliveries show its outcome. Limit: 30 test and replayed messages per minute.',
        },
      },
    )
    .get(
      '/:id/deliveries',
      ({ params: { id }, query: { limit = PAGE, cursor }, userId }) =>
        deliveries.list({ id, userId, limit, cursor }),
      {
        params: SigningParams,
        query: DeliveriesQuery,
        response: { 200: Deliveries, ...errorSchemas(400, 401, 403, 404, 429, 503) },
        detail: {
          summary: 'List the deliveries of a webhook',
          description:
            'Deliveries are kept for 30 days, or until the webhook or the transcription is deleted.',
        },
      },
    )
    .post(
      '/:id/deliveries/:delivery/replay',
      async ({ params: { id, delivery: deliveryId }, userId, set }) => {
        const delivery = await deliveries.replay({ id, deliveryId, userId })
        set.status = 202
        return delivery
      },
      {
        params: DeliveryParams,
        response: { 202: Delivery, ...errorSchemas(401, 403, 404, 409, 429, 503) },
        detail: {
          summary: 'Replay a delivery',
          description:
            'Sends the message again, in any state, with the same `webhook-id`, so that receivers can ' +
            'detect the duplicate. Limit: 30 test and replayed messages per minute.',
        },
      },
    )
}
