import { Elysia } from 'elysia'
import { VerbatimError } from '../errors.ts'
import { type Authenticator, BEARER } from '../http/bearer.ts'
import { readUpload } from '../http/body/audio-upload.ts'
import { noFile } from '../http/body/form.ts'
import { jsonBody } from '../http/body/json-body.ts'
import { MIN_THROUGHPUT } from '../http/body/min-throughput.ts'
import { readRemote } from '../http/body/remote-audio.ts'
import { errorSchemas } from '../http/openapi/statuses.ts'
import type { BeginUpload, Callback, WholeUploads } from '../intake.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { ModelCatalog } from '../transcriptions/models/catalog.ts'
import { Transcript, TranscriptRequest, UploadedFile, uploadDetail } from './assemblyai.schemas.ts'
import { keyAlone } from './caller.routes.ts'
import { callbackOf, uploadFields, uploadIdIn, uploadUrl } from './fields.ts'
import { type ReadingServices, readTranscript } from './transcript.ts'

export type IntakeRoutesServices = ReadingServices & {
  authenticator: Authenticator
  beginUpload: BeginUpload
  wholeUploads: WholeUploads
  /** Downloads the audio from a public `audio_url`. */
  outbound: Outbound
  models: Pick<ModelCatalog, 'list'>
  maxUploadBytes: number
}

type Context = {
  request: Request
  userId: string
  server: { timeout(request: Request, seconds: number): void } | null
}

const errors = errorSchemas(400, 401, 403, 404, 408, 409, 410, 413, 415, 429, 500, 502, 503, 507)

const submitDetail = {
  summary: 'Transcribe an upload or the audio at a URL (AssemblyAI-compatible)',
  description:
    'A `speech_model` that an engine runs is used; any other means the default of the service. `boost_param` has ' +
    'no effect. Options of features that are not offered, such as ' +
    '`summarization` and `redact_pii`, are refused unless they are `false`, `null` or empty. Audio ' +
    'that cannot be read is refused here, so that no transcript with an error is created.',
}

/** The routes that take audio. */
export function intakeRoutes(services: IntakeRoutesServices) {
  const { wholeUploads, maxUploadBytes, publicUrl } = services

  async function upload({ request, userId, server }: Context) {
    server?.timeout(request, 0)
    await using whole = await wholeUploads.begin(userId)
    const { store } = whole
    const { file } = await readUpload({ request, name: 'file', maxBytes: maxUploadBytes, store })
    if (!file) throw noFile()
    return { upload_url: uploadUrl(publicUrl(), await whole.commit(file)) }
  }

  async function submit({ body, ...context }: Context & { body: typeof TranscriptRequest.static }) {
    const { request, userId, server } = context
    // The client receives nothing while the audio is downloaded or copied.
    server?.timeout(request, 0)
    const fields = uploadFields(body, await services.models.list())
    const callback = callbackOf(body)
    const uploadId = uploadIdIn(body.audio_url)
    const id = uploadId
      ? await wholeUploads.transcribe({ id: uploadId, userId, fields, callback })
      : await download(services, { request, userId, url: body.audio_url, fields, callback })
    return readTranscript(services, { id, userId })
  }

  return new Elysia({ tags: ['AssemblyAI'], detail: { security: BEARER } })
    .use(keyAlone(services))
    .post('/upload', upload, {
      parse: 'none',
      response: { 200: UploadedFile, ...errors },
      detail: uploadDetail,
    })
    .post('/transcript', submit, {
      ...jsonBody(TranscriptRequest),
      response: { 200: Transcript, ...errors },
      detail: submitDetail,
    })
}

/** Makes a transcription of the audio at a public URL. */
async function download(
  { beginUpload, outbound, maxUploadBytes }: IntakeRoutesServices,
  {
    request: { signal },
    userId,
    url,
    fields,
    callback,
  }: {
    request: Request
    userId: string
    url: string
    fields: Map<string, string>
    callback: Callback | null
  },
): Promise<string> {
  await using intake = await beginUpload({ userId })
  const file = await readRemote({
    url,
    urlName: 'audio_url',
    outbound,
    maxBytes: maxUploadBytes,
    tooLarge: () =>
      new VerbatimError(
        'too_large',
        `The audio at audio_url is larger than the ${maxUploadBytes} bytes that this server takes`,
      ),
    pace: MIN_THROUGHPUT,
    signal,
    store: intake.store,
  })
  return await intake.commit({ fields, file, callback })
}
