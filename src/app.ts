import { Elysia } from 'elysia'
import type { ElysiaAdapter } from 'elysia/adapter'
import { type AdminRoutesServices, adminRoutes } from './admin/admin.routes.ts'
import { type AssemblyaiRoutesServices, assemblyaiRoutes } from './assemblyai/assemblyai.routes.ts'
import { type AuthRoutesServices, authRoutes } from './auth/auth.routes.ts'
import { type DeepgramRoutesServices, deepgramRoutes } from './deepgram/deepgram.routes.ts'
import { deepgramError } from './deepgram/deepgram.schemas.ts'
import { healthRoutes } from './health/health.routes.ts'
import type { Health } from './health/health.ts'
import { metricsRoutes } from './health/metrics.routes.ts'
import { type CorsOrigins, cors } from './http/cors.ts'
import { type SwaggerAssets, swagger } from './http/openapi/swagger.ts'
import type { OperatorAccess } from './http/operator-access.ts'
import { problems } from './http/problems.ts'
import { requestLog } from './http/request-log.ts'
import { securityHeaders } from './http/security-headers.ts'
import { type InfoRoutesServices, infoRoutes } from './info/info.routes.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics/metrics.ts'
import { misspelledOpenaiRoutes, type OpenaiRoutesServices, openaiRoutes } from './openai/openai.routes.ts'
import { openaiError } from './openai/openai.schemas.ts'
import { suggestedRoute } from './openai/route-suggestion.ts'
import { type PageRoutesServices, pageRoutes } from './page/page.routes.ts'
import type { Traces } from './traces/traces.ts'
import {
  type TranscriptionRoutesServices,
  transcriptionRoutes,
} from './transcriptions/transcriptions.routes.ts'
import { tusRoutes } from './tus/tus.routes.ts'
import type { TusService } from './tus/tus.service.ts'
import { type WebhookRoutesServices, webhookRoutes } from './webhooks/webhooks.routes.ts'

export type AppServices = AdminRoutesServices &
  AssemblyaiRoutesServices &
  AuthRoutesServices &
  InfoRoutesServices &
  PageRoutesServices &
  TranscriptionRoutesServices &
  WebhookRoutesServices & {
    uploads: TusService
    modelAliases: OpenaiRoutesServices['modelAliases']
    models: OpenaiRoutesServices['models']
    engines: (OpenaiRoutesServices & DeepgramRoutesServices)['engines']
    health: Health
    swagger: SwaggerAssets
    version: string
    /** Null: only pages of the API's own origin may call it. */
    corsOrigins: CorsOrigins | null
  } & OperationsServices

export type OperationsServices = {
  health: Health
  log: Log
  /** Null if the runtime keeps no metrics. */
  metrics: Metrics | null
  operatorAccess: OperatorAccess
  traces: Traces
  /** Whether each request is logged. */
  logsRequests: boolean
}

/** For Eden, Elysia's typed client: `treaty<App>('http://localhost:3000')`. */
export type App = ReturnType<typeof createApp>

/** The HTTP surface of a worker: health and metrics. */
export function createOperations(services: OperationsServices) {
  const routes = (): Route[] => app.routes
  const app = new Elysia().use(sharedPlugins({ ...services, routes })).use(operationsRoutes(services))
  return app
}

type Route = { method: string; path: string }

/** The bodies of errors by the start of the path. */
const ERROR_BODIES = { '/v1/': openaiError, '/audio/': openaiError, '/deepgram/': deepgramError }

/** The plugins of all routes. `routes`: every route of the app, for 404 and 405. */
function sharedPlugins({
  log,
  metrics,
  traces,
  logsRequests,
  routes,
}: OperationsServices & { routes: () => Route[] }) {
  return new Elysia()
    .use(securityHeaders())
    .use(requestLog({ metrics, traces, log: logsRequests ? log : null }))
    .use(problems({ log, routes, bodies: ERROR_BODIES, suggestedRoute }))
}

function operationsRoutes({ health, metrics, operatorAccess }: OperationsServices) {
  return new Elysia()
    .use(healthRoutes({ health, operatorAccess }))
    .use(metricsRoutes({ metrics, operatorAccess }))
}

/** The API, on Web standards only. `adapter`: for runtimes other than Bun. */
export function createApp(services: AppServices, adapter?: ElysiaAdapter) {
  const routes = (): Route[] => app.routes
  // Without `standardHostname: false`, a host name as short as `api` hides the start of the path from the
  // router.
  const app = new Elysia({ handler: { standardHostname: false }, ...(adapter && { adapter }) })
    .use(sharedPlugins({ ...services, routes }))
    .use(cors({ origins: services.corsOrigins }))
    .use(pageRoutes(services))
    .use(swagger({ assets: services.swagger, version: services.version }))
    .use(authRoutes(services))
    .use(transcriptionRoutes(services))
    .use(tusRoutes(services))
    .use(webhookRoutes(services))
    .use(adminRoutes(services))
    .use(openaiRoutes(services))
    .use(misspelledOpenaiRoutes(services))
    .use(assemblyaiRoutes(services))
    .use(deepgramRoutes(services))
    .use(infoRoutes(services))
    .use(operationsRoutes(services))
  return app
}
