import { Elysia } from 'elysia'
import { type AuthRoutesServices, authRoutes } from './auth/auth.routes.ts'
import { healthRoutes } from './health/health.routes.ts'
import type { Health } from './health/health.ts'
import { docs, type SwaggerAssets } from './http/docs.ts'
import { problems } from './http/problems.ts'
import {
  type TranscriptionRoutesServices,
  transcriptionRoutes,
} from './transcriptions/transcriptions.routes.ts'
import { uploadRoutes } from './uploads/uploads.routes.ts'
import type { UploadsService } from './uploads/uploads.service.ts'
import { webhookRoutes } from './webhooks/webhooks.routes.ts'
import type { WebhooksService } from './webhooks/webhooks.service.ts'

export type AppServices = AuthRoutesServices &
  TranscriptionRoutesServices & {
    uploads: UploadsService
    webhooks: WebhooksService
    health: Health
    swagger: SwaggerAssets
    version: string
  }

/** What a worker answers: how it is. */
export function createOperations({ health, log }: Pick<AppServices, 'health' | 'log'>) {
  return new Elysia().use(problems({ log })).use(healthRoutes({ health }))
}

/** The API, on Web standards alone. */
export function createApp(services: AppServices) {
  // Without `standardHostname: false`, a host name as short as `api` hides the start of the path from the router.
  return new Elysia({ handler: { standardHostname: false } })
    .use(problems({ log: services.log }))
    .use(docs({ assets: services.swagger, version: services.version }))
    .use(authRoutes(services))
    .use(transcriptionRoutes(services))
    .use(uploadRoutes(services))
    .use(webhookRoutes(services))
    .use(healthRoutes(services))
}
