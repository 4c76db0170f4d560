import { Elysia } from 'elysia'
import type { ModelAliases } from '../config/model-aliases.ts'
import type { NamedModel } from '../engines/models.ts'
import { BEARER, bearer, type WatchCredential } from '../http/bearer.ts'
import { readUpload } from '../http/body/audio-upload.ts'
import { toErrorResponse } from '../http/problems.ts'
import { eventStream } from '../http/sse.ts'
import { holdEphemeral } from '../transcriptions/ephemeral.ts'
import type { ModelCatalog } from '../transcriptions/models/catalog.ts'
import { TEXT_FORMATS } from '../transcriptions/transcript/formats.ts'
import type { TranscriptionRoutesServices } from '../transcriptions/transcriptions.routes.ts'
import { LIST_FIELDS, type OpenaiRequest, parseFields, type Task } from './fields.ts'
import { hearKnownSpeakers, TEXT_LIMITS } from './known-speakers.ts'
import { describeModel, findModel, type Models, modelsOf, namesOf } from './models.ts'
import {
  answers,
  Model,
  ModelList,
  ModelParams,
  openaiError,
  openaiErrors,
  transcriptionForm,
  translationForm,
} from './openai.schemas.ts'

export type OpenaiRoutesServices = Omit<TranscriptionRoutesServices, 'outbound'> & {
  /** The names that clients use. */
  engines: string[]
  modelAliases: ModelAliases
  models: Pick<ModelCatalog, 'list'>
}

type Context = {
  request: Request
  userId: string
  server: { timeout(request: Request, seconds: number): void } | null
  set: { headers: Record<string, string | number> }
  watchCredential: WatchCredential
}

/** An ephemeral transcription, with the request that made it. */
type Transcribing = Context & { id: string; form: OpenaiRequest }

const NOTHING_KEPT =
  'The response comes when the whole audio is transcribed. The transcription and its audio are removed with the ' +
  'response, or when the client disconnects.'

/**
 * OpenAI's routes, for its clients: the base URL is this service's `/v1`, the key an access token or API key.
 */
export function openaiRoutes(services: OpenaiRoutesServices) {
  const transcribe = createTranscribe(services)

  return new Elysia({ prefix: '/v1', tags: ['OpenAI'], detail: { security: BEARER } })
    .use(bearer({ authenticator: services.authenticator }))
    .post('/audio/transcriptions', transcribe('transcribe'), {
      parse: 'none',
      detail: {
        summary: 'Transcribe audio (OpenAI-compatible)',
        description: NOTHING_KEPT,
        requestBody: transcriptionForm,
        responses: answers,
      },
    })
    .post('/audio/translations', transcribe('translate'), {
      parse: 'none',
      detail: {
        summary: 'Translate audio into English (OpenAI-compatible)',
        description: NOTHING_KEPT,
        requestBody: translationForm,
        responses: answers,
      },
    })
    .get('/models', async () => ({ object: 'list' as const, data: await listModels(services) }), {
      response: { 200: ModelList, ...openaiErrors(401, 403, 429) },
      detail: {
        summary: 'List the models',
        description:
          'Models with an `engine` are those that the engines run now. `sidecar`, `hosted` and `openai` send the audio ' +
          'to that engine only. The other names are aliases for clients that cannot change theirs (`MODEL_ALIASES`).',
      },
    })
    .get('/models/:model', ({ params: { model } }) => getModel(services, model), {
      params: ModelParams,
      response: { 200: Model, ...openaiErrors(401, 403, 404, 429) },
      detail: { summary: 'Get a model' },
    })
}

/** The routes under the paths of clients whose base URL lacks `/v1`, or repeats a part. */
export function misspelledOpenaiRoutes(services: OpenaiRoutesServices) {
  const transcribe = createTranscribe(services)
  const app = new Elysia({ detail: { hide: true } }).use(bearer({ authenticator: services.authenticator }))
  const tasks = { '/audio/transcriptions': 'transcribe', '/audio/translations': 'translate' } as const
  for (const [path, task] of Object.entries(tasks)) {
    for (const misspelled of [
      path,
      `/v1/${path}`,
      `/v1/v1${path}`,
      `/v1${path}${path}`,
      `/v1${path}/v1${path}`,
    ]) {
      app.post(misspelled, transcribe(task), { parse: 'none' })
    }
  }
  return app
}

function createTranscribe(services: OpenaiRoutesServices) {
  return (task: Task) => async (context: Context) => {
    context.server?.timeout(context.request, 0)
    const upload = await takeUpload(services, { ...context, task })
    return upload.form.isStreamed
      ? streamedResponse(services, { ...context, ...upload })
      : wholeResponse(services, { ...context, ...upload })
  }
}

function namedModels(
  { engines, modelAliases }: OpenaiRoutesServices,
  offered: readonly NamedModel[],
): Models {
  return modelsOf({ engines, aliases: modelAliases, offered })
}

async function listModels(services: OpenaiRoutesServices) {
  const offered = await services.models.list()
  return namesOf(namedModels(services, offered)).map((id) => describeModel(id, offered))
}

async function getModel(services: OpenaiRoutesServices, name: string) {
  const offered = await services.models.list()
  return describeModel(findModel(namedModels(services, offered), name).id, offered)
}

async function takeUpload(
  services: OpenaiRoutesServices,
  { request, userId, task }: Context & { task: Task },
): Promise<{ id: string; form: OpenaiRequest }> {
  const { beginUpload, maxUploadBytes } = services
  await using intake = await beginUpload({ userId, isEphemeral: true })
  const { store } = intake
  const { fields, file } = await readUpload({
    request,
    name: 'file',
    lists: LIST_FIELDS,
    textLimits: TEXT_LIMITS,
    maxBytes: maxUploadBytes,
    store,
  })
  const form = parseFields(fields, { task, models: namedModels(services, await services.models.list()) })
  return { id: await intake.commit({ fields: form.options, file }), form }
}

async function wholeResponse(services: OpenaiRoutesServices, transcribing: Transcribing) {
  await using held = holdEphemeral(services, transcribing)
  await completion(services, transcribing, held)
  return await bodyOf(services, transcribing)
}

function streamedResponse(services: OpenaiRoutesServices, transcribing: Transcribing) {
  const { transcriptions, log } = services
  const { id, userId, form } = transcribing
  const held = holdEphemeral(services, transcribing)

  async function* events() {
    await using _removal = held
    for await (const delta of transcriptions.spoken({ id, signal: held.signal })) {
      yield { data: { type: 'transcript.text.delta', delta } }
    }
    await completion(services, transcribing, held)
    const keys = { id, userId, partial: false }
    if (form.format === 'diarized_json') {
      const { segments } = await transcriptions.diarizedTranscript(keys)
      for (const segment of segments) yield { data: segment }
    }
    const { text, duration } = await transcriptions.verboseTranscript(keys)
    const logprobs = form.hasLogprobs && { logprobs: await transcriptions.logprobs(keys) }
    yield { data: { type: 'transcript.text.done', text, ...logprobs, usage: usageOf(duration) } }
  }

  return eventStream({
    events: events(),
    left: held.endWait,
    problem: (error) => openaiError(toErrorResponse(error, log)),
  })
}

/** Resolves when the transcription is completed, and its speakers have the names of the known ones. */
async function completion(
  services: OpenaiRoutesServices,
  transcribing: Transcribing,
  held: ReturnType<typeof holdEphemeral>,
): Promise<void> {
  const { id, userId, form } = transcribing
  if (form.knownSpeakers.length === 0) return held.completion()
  const heard = hearKnownSpeakers(services, { ...transcribing, speakers: form.knownSpeakers })
  const [known] = await Promise.all([heard, held.completion()])
  await services.transcriptions.nameKnownSpeakers({ id, userId, known })
}

async function bodyOf({ transcriptions }: OpenaiRoutesServices, { id, userId, form, set }: Transcribing) {
  const { format, granularities } = form
  if (format === 'diarized_json') return transcriptions.diarizedTranscript({ id, userId, partial: false })
  if (format === 'json' || format === 'verbose_json') {
    const keys = { id, userId, partial: false }
    const { segments, ...verbose } = await transcriptions.verboseTranscript(keys)
    const usage = usageOf(verbose.duration)
    if (format === 'json') {
      const logprobs = form.hasLogprobs && { logprobs: await transcriptions.logprobs(keys) }
      return { text: verbose.text, ...logprobs, usage }
    }
    return { ...verbose, ...(granularities.has('segment') && { segments }), usage }
  }
  const name = format === 'text' ? 'txt' : format
  set.headers['content-type'] = `${TEXT_FORMATS[name].type}; charset=utf-8`
  return transcriptions.writtenTranscript({ id, userId, partial: false, format: name })
}

const usageOf = (seconds: number) => ({ type: 'duration' as const, seconds: Math.ceil(seconds) })
