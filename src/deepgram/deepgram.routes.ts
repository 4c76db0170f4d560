import { Elysia } from 'elysia'
import { BEARER, bearer, type WatchCredential } from '../http/bearer.ts'
import { readUpload } from '../http/body/audio-upload.ts'
import { holdEphemeral } from '../transcriptions/ephemeral.ts'
import type { ModelCatalog } from '../transcriptions/models/catalog.ts'
import type { TranscriptionRoutesServices } from '../transcriptions/transcriptions.routes.ts'
import { answers, listenDetail } from './deepgram.schemas.ts'
import { type ListenRequest, parseListen } from './parameters.ts'
import { listenResponse } from './response.ts'

export type DeepgramRoutesServices = TranscriptionRoutesServices & {
  /** The names that clients use. */
  engines: string[]
  models: Pick<ModelCatalog, 'list'>
}

type Context = {
  request: Request
  userId: string
  server: { timeout(request: Request, seconds: number): void } | null
  set: { headers: Record<string, string | number> }
  watchCredential: WatchCredential
}

/** Deepgram's route for recordings, for its clients: the base URL is this service's `/deepgram`. */
export function deepgramRoutes(services: DeepgramRoutesServices) {
  const listen = async (context: Context) => {
    const { request, userId, server, set } = context
    server?.timeout(request, 0)
    const listen = parseListen(new URL(request.url).searchParams, {
      engines: services.engines,
      models: await services.models.list(),
    })
    const id = await takeUpload(services, { request, userId, listen })
    if (listen.callback) return { request_id: id }
    await using held = holdEphemeral(services, { ...context, id })
    await held.completion()
    const transcript = await services.transcriptions.detailedTranscript({ id, userId, partial: false })
    return listenResponse(transcript, { listen, requestId: String(set.headers['x-request-id'] ?? id) })
  }

  return new Elysia({ prefix: '/deepgram/v1', tags: ['Deepgram'], detail: { security: BEARER } })
    .use(bearer({ authenticator: services.authenticator, schemes: ['token', 'bearer'] }))
    .post('/listen', listen, { parse: 'none', response: answers, detail: listenDetail })
}

async function takeUpload(
  { beginUpload, maxUploadBytes, outbound }: DeepgramRoutesServices,
  {
    request,
    userId,
    listen: { options, callback },
  }: { request: Request; userId: string; listen: ListenRequest },
): Promise<string> {
  // The message is written from the stored transcript, which outlives the request.
  await using intake = await beginUpload({ userId, isEphemeral: callback === null })
  const { file } = await readUpload({
    request,
    name: 'audio',
    urlName: 'url',
    maxBytes: maxUploadBytes,
    outbound,
    store: intake.store,
  })
  return await intake.commit({ fields: options, file, callback })
}
