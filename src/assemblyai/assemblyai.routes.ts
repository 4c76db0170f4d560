import { Elysia } from 'elysia'
import { type IntakeRoutesServices, intakeRoutes } from './intake.routes.ts'
import { passageRoutes } from './passage.routes.ts'
import { type TranscriptRoutesServices, transcriptRoutes } from './transcript.routes.ts'

export type AssemblyaiRoutesServices = IntakeRoutesServices & TranscriptRoutesServices

/**
 * AssemblyAI's routes for recorded audio, for its clients: the base URL is this service's `/assemblyai`, the
 * key an API key or access token.
 */
export function assemblyaiRoutes(services: AssemblyaiRoutesServices) {
  return new Elysia({ prefix: '/assemblyai/v2' })
    .use(intakeRoutes(services))
    .use(transcriptRoutes(services))
    .use(passageRoutes(services))
}
