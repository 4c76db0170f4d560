import { Elysia } from 'elysia'
import { VerbatimError } from '../errors.ts'
import { BEARER, bearer, type WatchCredential } from '../http/bearer.ts'
import { readUpload } from '../http/body/audio-upload.ts'
import { toErrorResponse } from '../http/problems.ts'
import { eventStream } from '../http/sse.ts'
import { TEXT_FORMATS } from '../transcriptions/transcript/formats.ts'
import type { TranscriptionRoutesServices } from '../transcriptions/transcriptions.routes.ts'
import { modelNotFound, type OpenaiRequest, parseFields } from './fields.ts'
import {
  answers,
  errorBodyOf,
  Model,
  ModelParams,
  Models,
  openaiError,
  transcriptionForm,
  translationForm,
} from './openai.schemas.ts'

export type OpenaiRoutesServices = Omit<TranscriptionRoutesServices, 'outbound'> & {
  /** As clients name them. */
  engines: string[]
}

type Context = {
  request: Request
  userId: string
  server: { timeout(request: Request, seconds: number): void } | null
  set: { headers: Record<string, string | number> }
  watchCredential: WatchCredential
}

const NOTHING_KEPT =
  'The answer comes when all is transcribed. Nothing is kept: with the answer, or when the client leaves before it, the transcription is removed with its audio.'

/**
 * OpenAI's own routes, for its clients: a base URL of this service and an access token or API key as their key.
 */
export function openaiRoutes(services: OpenaiRoutesServices) {
  const { transcriptions, upload, authenticator, maxUploadBytes, stopping, log } = services
  const models = new Map([
    ['whisper-1', ''],
    ...services.engines.map((name): [string, string] => [name, name]),
  ])
  const modelOf = (id: string) => ({ id, object: 'model' as const, created: 0, owned_by: 'verbatim' })

  const take =
    (task: 'transcribe' | 'translate') =>
    async ({ request, userId, server, set, watchCredential }: Context) => {
      server?.timeout(request, 0)
      let asked: OpenaiRequest | undefined
      const id = await upload({
        userId,
        isEphemeral: true,
        receive: async (store) => {
          const { fields, file } = await readUpload({
            request,
            name: 'file',
            maxBytes: maxUploadBytes,
            store,
          })
          asked = parseFields(fields, { task, models })
          return { fields: asked.options, file }
        },
      })
      if (!asked) throw new Error('the upload asked for nothing')
      if (asked.isStreamed) return stream({ id, userId, request, watchCredential })
      const left = new AbortController()
      const end = AbortSignal.any([left.signal, request.signal, stopping])
      const credential = watchCredential(end)
      try {
        await completion({ id, userId, end, credential })
        return await answerIn({ asked, set, id, userId })
      } finally {
        left.abort()
        await forget({ id, userId })
      }
    }

  /** As the service's, and throws `unauthorized` once the caller's credential is not valid any more. */
  async function completion({
    end,
    credential,
    ...keys
  }: {
    id: string
    userId: string
    end: AbortSignal
    credential: AbortSignal
  }) {
    const signal = AbortSignal.any([end, credential])
    try {
      await transcriptions.completion({ ...keys, signal })
    } finally {
      credential.throwIfAborted()
    }
  }

  /** Where the user has removed it meanwhile, there is nothing left to do. */
  async function forget(keys: { id: string; userId: string }) {
    await transcriptions.remove(keys).catch((error: unknown) => {
      if (!(error instanceof VerbatimError)) throw error
    })
  }

  async function answerIn({
    asked,
    set,
    ...keys
  }: {
    asked: OpenaiRequest
    set: Context['set']
    id: string
    userId: string
  }) {
    const { format, granularities } = asked
    if (format === 'json' || format === 'verbose_json') {
      const { segments, ...verbose } = await transcriptions.verboseTranscript({ ...keys, partial: false })
      const usage = { type: 'duration' as const, seconds: Math.ceil(verbose.duration) }
      if (format === 'json') return { text: verbose.text, usage }
      return { ...verbose, ...(granularities.has('segment') && { segments }), usage }
    }
    const name = format === 'text' ? 'txt' : format
    set.headers['content-type'] = `${TEXT_FORMATS[name].type}; charset=utf-8`
    return transcriptions.writtenTranscript({ ...keys, partial: false, format: name })
  }

  function stream({
    id,
    userId,
    request,
    watchCredential,
  }: Pick<Context, 'request' | 'userId' | 'watchCredential'> & { id: string }) {
    const left = new AbortController()
    const end = AbortSignal.any([left.signal, request.signal, stopping])
    const credential = watchCredential(end)
    const signal = AbortSignal.any([end, credential])
    async function* events() {
      try {
        for await (const delta of transcriptions.spoken({ id, signal })) {
          yield { data: { type: 'transcript.text.delta', delta } }
        }
        await completion({ id, userId, end, credential })
        const { text, duration } = await transcriptions.verboseTranscript({ id, userId, partial: false })
        const usage = { type: 'duration', seconds: Math.ceil(duration) }
        yield { data: { type: 'transcript.text.done', text, usage } }
      } finally {
        left.abort()
        await forget({ id, userId })
      }
    }
    return eventStream({
      events: events(),
      left: () => left.abort(),
      problem: (error) => openaiError(toErrorResponse(error, log)),
    })
  }

  return new Elysia({ prefix: '/v1', tags: ['OpenAI'], detail: { security: BEARER } })
    .use(bearer({ authenticator }))
    .post('/audio/transcriptions', take('transcribe'), {
      parse: 'none',
      detail: {
        summary: 'Transcribe audio, as OpenAI does',
        description: NOTHING_KEPT,
        requestBody: transcriptionForm,
        responses: answers,
      },
    })
    .post('/audio/translations', take('translate'), {
      parse: 'none',
      detail: {
        summary: 'Transcribe audio in English, whatever is spoken, as OpenAI does',
        description: NOTHING_KEPT,
        requestBody: translationForm,
        responses: answers,
      },
    })
    .get('/models', () => ({ object: 'list' as const, data: [...models.keys()].map(modelOf) }), {
      response: { 200: Models, 401: errorBodyOf(401), 403: errorBodyOf(403), 429: errorBodyOf(429) },
      detail: {
        summary: 'The models that may be named',
        description:
          '`whisper-1` leaves the engine to the service; the others send the audio to that one alone.',
      },
    })
    .get(
      '/models/:model',
      ({ params: { model } }) => {
        if (!models.has(model)) throw modelNotFound(model, models)
        return modelOf(model)
      },
      {
        params: ModelParams,
        response: {
          200: Model,
          401: errorBodyOf(401),
          403: errorBodyOf(403),
          404: errorBodyOf(404),
          429: errorBodyOf(429),
        },
        detail: { summary: 'One of the models' },
      },
    )
}
