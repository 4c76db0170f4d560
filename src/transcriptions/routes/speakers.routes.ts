import { Elysia } from 'elysia'
import { BEARER, bearer, type WatchCredential } from '../../http/bearer.ts'
import { readUpload } from '../../http/body/audio-upload.ts'
import { jsonBody } from '../../http/body/json-body.ts'
import { noContent } from '../../http/no-content.ts'
import { errorSchemas } from '../../http/openapi/statuses.ts'
import { holdEphemeral } from '../ephemeral.ts'
import { SAMPLE_FIELDS } from '../speakers/voice-sample.ts'
import type { VoicesService } from '../speakers/voices.service.ts'
import { IdParams } from '../transcriptions.schemas.ts'
import {
  enrollDetail,
  NamedSpeakers,
  removeVoiceDetail,
  SpeakerNames,
  speakersDetail,
  Voice,
  VoiceParams,
  Voices,
} from './speakers.schemas.ts'
import type { StatusRoutesServices } from './status.routes.ts'
import type { UploadRoutesServices } from './upload.routes.ts'

export function speakersRoutes({ transcriptions, authenticator }: StatusRoutesServices) {
  return new Elysia({ tags: ['Transcriptions'], detail: { security: BEARER } })
    .use(bearer({ authenticator, takesKnown: true }))
    .patch(
      '/transcriptions/:id/speakers',
      ({ params: { id }, body, userId }) => transcriptions.renameSpeakers({ id, userId, names: body }),
      {
        params: IdParams,
        ...jsonBody(SpeakerNames),
        response: { 200: NamedSpeakers, ...errorSchemas(400, 401, 403, 404, 409, 413, 429, 503) },
        detail: speakersDetail,
      },
    )
}

export type VoicesRoutesServices = UploadRoutesServices & { voices: VoicesService }

/** Enough for 30 s of stereo at 96 kHz in 32 bits. */
const MAX_SAMPLE_BYTES = 32 * 2 ** 20

type Context = {
  request: Request
  userId: string
  server: { timeout(request: Request, seconds: number): void } | null
  set: { status?: number | string }
  watchCredential: WatchCredential
}

export function voicesRoutes(services: VoicesRoutesServices) {
  const { beginUpload, voices, authenticator, maxUploadBytes } = services

  /** The sample becomes an ephemeral transcription, so that workers on other machines can hear it. */
  async function enroll(context: Context) {
    const { request, userId, server, set } = context
    server?.timeout(request, 0)
    await using intake = await beginUpload({ userId, isEphemeral: true })
    const { store } = intake
    const maxBytes = Math.min(MAX_SAMPLE_BYTES, maxUploadBytes)
    const { fields, file } = await readUpload({ request, name: 'audio', maxBytes, store })
    const name = await voices.freeName({ userId, name: fields.get('name') })
    const id = await intake.commit({ fields: new Map(SAMPLE_FIELDS), file })
    await using held = holdEphemeral(services, { ...context, id })
    await held.completion()
    set.status = 201
    // Awaited here, because the transcription is removed at the end of this function.
    return await voices.enroll({ userId, name, transcriptionId: id })
  }

  return new Elysia({ tags: ['Voices'], detail: { security: BEARER } })
    .use(bearer({ authenticator }))
    .post('/voices', enroll, {
      parse: 'none',
      response: {
        201: Voice,
        ...errorSchemas(400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 502, 503, 507),
      },
      detail: enrollDetail,
    })
    .get('/voices', ({ userId }) => voices.list(userId), {
      response: { 200: Voices, ...errorSchemas(401, 403, 429, 503) },
      detail: { summary: 'List your voices', description: 'Embeddings are not returned.' },
    })
    .delete(
      '/voices/:id',
      async ({ params: { id }, userId }) => {
        await voices.remove({ id, userId })
        return noContent()
      },
      { params: VoiceParams, detail: removeVoiceDetail },
    )
}
