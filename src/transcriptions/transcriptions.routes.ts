import { Elysia } from 'elysia'
import { audioRoutes } from './routes/audio.routes.ts'
import { type EventsRoutesServices, eventsRoutes } from './routes/events.routes.ts'
import { speakersRoutes, type VoicesRoutesServices, voicesRoutes } from './routes/speakers.routes.ts'
import { cancelRoutes, statusRoutes } from './routes/status.routes.ts'
import { transcriptRoutes } from './routes/transcript.routes.ts'
import { type UploadRoutesServices, uploadRoutes } from './routes/upload.routes.ts'

export type TranscriptionRoutesServices = UploadRoutesServices & EventsRoutesServices & VoicesRoutesServices

export function transcriptionRoutes(services: TranscriptionRoutesServices) {
  return new Elysia({ prefix: '/api' })
    .use(uploadRoutes(services))
    .use(statusRoutes(services))
    .use(eventsRoutes(services))
    .use(cancelRoutes(services))
    .use(transcriptRoutes(services))
    .use(audioRoutes(services))
    .use(speakersRoutes(services))
    .use(voicesRoutes(services))
}
