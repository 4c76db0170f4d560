import { Elysia } from 'elysia'
import { type Authenticator, BEARER, bearer } from '../http/bearer.ts'
import { jsonBody } from '../http/body/json-body.ts'
import { noContent, noContentOr } from '../http/no-content.ts'
import { ErrorBody, MAY_REFUSE } from '../http/problems.ts'
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

const PAGE = 20

export function webhookRoutes({
  webhooks,
  authenticator,
}: {
  webhooks: WebhooksService
  authenticator: Authenticator
}) {
  return new Elysia({ prefix: '/api/webhooks', tags: ['Webhooks'], detail: { security: BEARER } })
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
        response: {
          201: Registered,
          400: ErrorBody,
          ...MAY_REFUSE,
          409: ErrorBody,
          413: ErrorBody,
          502: ErrorBody,
        },
        detail: {
          summary: 'Have a URL told what becomes of your transcriptions',
          description:
            'Messages are signed and sent as Standard Webhooks says: `webhook-id`, `webhook-timestamp` and `webhook-signature`, made with the `secret`. Any 2xx is a receipt; what fails is tried again for days, and 410 disables the webhook.',
        },
      },
    )
    .get('', ({ userId }) => webhooks.list(userId), {
      response: { 200: Webhooks, ...MAY_REFUSE },
      detail: { summary: 'Your webhooks' },
    })
    .get('/:id', ({ params: { id }, userId }) => webhooks.read({ id, userId }), {
      params: WebhookParams,
      response: { 200: Webhook, ...MAY_REFUSE, 404: ErrorBody },
      detail: { summary: 'A webhook' },
    })
    .patch('/:id', ({ params: { id }, body, userId }) => webhooks.change({ id, userId, ...body }), {
      ...jsonBody(WebhookChanges),
      params: WebhookParams,
      response: {
        200: Webhook,
        400: ErrorBody,
        ...MAY_REFUSE,
        404: ErrorBody,
        413: ErrorBody,
        502: ErrorBody,
      },
      detail: { summary: 'Change a webhook', description: 'What is left out stays; `enabled` ends a pause.' },
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
          summary: 'Delete a webhook with its deliveries',
          responses: noContentOr('It is gone', 401, 403, 404, 429),
        },
      },
    )
    .post('/:id/secret', ({ params: { id }, userId }) => webhooks.rotate({ id, userId }), {
      params: SigningParams,
      response: { 200: Rotated, ...MAY_REFUSE, 404: ErrorBody },
      detail: {
        summary: 'Change the secret of a webhook',
        description:
          'For a day messages are signed with both, the one before it and the new one, so that none is refused while receivers learn of it. That of `uploads` signs what is sent to each `webhook_url`.',
      },
    })
    .post(
      '/:id/test',
      async ({ params: { id }, userId, set }) => {
        const delivery = await webhooks.test({ id, userId })
        set.status = 202
        return delivery
      },
      {
        params: WebhookParams,
        response: { 202: Delivery, ...MAY_REFUSE, 404: ErrorBody, 409: ErrorBody },
        detail: {
          summary: 'Send a test message',
          description:
            'Of the type `webhook.test`, signed and tried as any other; read in the deliveries how it went. At most 30 of these and of replays a minute.',
        },
      },
    )
    .get(
      '/:id/deliveries',
      ({ params: { id }, query: { limit = PAGE, cursor }, userId }) =>
        webhooks.deliveries({ id, userId, limit, cursor }),
      {
        params: SigningParams,
        query: DeliveriesQuery,
        response: { 200: Deliveries, 400: ErrorBody, ...MAY_REFUSE, 404: ErrorBody },
        detail: {
          summary: 'What was sent to a webhook, and how it went',
          description: 'Kept for 30 days, or until the webhook or the transcription is deleted.',
        },
      },
    )
    .post(
      '/:id/deliveries/:delivery/replay',
      async ({ params: { id, delivery: deliveryId }, userId, set }) => {
        const delivery = await webhooks.replay({ id, deliveryId, userId })
        set.status = 202
        return delivery
      },
      {
        params: DeliveryParams,
        response: { 202: Delivery, ...MAY_REFUSE, 404: ErrorBody, 409: ErrorBody },
        detail: {
          summary: 'Send a message once more',
          description:
            'Whatever became of it, and under its `webhook-id`, so that a receiver can tell that it is the same. At most 30 of these and of tests a minute.',
        },
      },
    )
}
