import { Elysia } from 'elysia'
import { UPLOAD_LISTS } from '../../fields.ts'
import { BEARER, bearer, type WatchCredential } from '../../http/bearer.ts'
import { readUpload } from '../../http/body/audio-upload.ts'
import { idempotencyKeyIn } from '../../http/headers/idempotency-key.ts'
import { errorSchemas } from '../../http/openapi/statuses.ts'
import type { BeginUpload } from '../../intake.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { Status } from '../transcriptions.schemas.ts'
import { preferredWait, type StatusRoutesServices } from './status.routes.ts'
import { Accepted, uploadBodyDetail, uploadFormDetail } from './upload.schemas.ts'

export type UploadRoutesServices = StatusRoutesServices & {
  beginUpload: BeginUpload
  /** Downloads the audio from `audio_url`. */
  outbound: Outbound
  maxUploadBytes: number
}

const accepted = {
  200: Status,
  202: Accepted,
  ...errorSchemas(400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 502, 503, 507),
}

type Context = {
  request: Request
  userId: string
  server: { timeout(request: Request, seconds: number): void } | null
  set: { headers: Record<string, string | number>; status?: number | string }
  watchCredential: WatchCredential
}

export function uploadRoutes(services: UploadRoutesServices) {
  const { transcriptions, beginUpload, outbound, authenticator, maxUploadBytes, stopping } = services

  async function receive({ request, userId }: Pick<Context, 'request' | 'userId'>): Promise<string> {
    const idempotencyKey = idempotencyKeyIn(request.headers)
    await using intake = await beginUpload({ userId, idempotencyKey })
    const { store } = intake
    const maxBytes = maxUploadBytes
    const lists = UPLOAD_LISTS
    const upload = await readUpload({ request, name: 'audio', lists, maxBytes, outbound, store })
    return await intake.commit(upload)
  }

  const accept = async (context: Context) => {
    const { request, userId, server, set } = context
    // The client receives nothing while the audio is downloaded or sent to a bucket: disable the idle
    // timeout.
    server?.timeout(request, 0)
    const id = await receive({ request, userId })
    using wait = preferredWait(context, stopping)
    if (wait) {
      const status = await transcriptions.status({ id, userId, until: wait.until })
      // The upload stays accepted if the credential was revoked meanwhile; the response then has only the id.
      if (status.completed_at !== null && !wait.credential.aborted) return status
    }
    set.status = 202
    return { message: 'Transcription started', transcription_id: id }
  }

  return new Elysia({ tags: ['Transcriptions'], detail: { security: BEARER } })
    .use(bearer({ authenticator, takesKnown: true }))
    .post('/transcribe', accept, { parse: 'none', response: accepted, detail: uploadFormDetail })
    .put('/transcribe', accept, { parse: 'none', response: accepted, detail: uploadBodyDetail })
}
