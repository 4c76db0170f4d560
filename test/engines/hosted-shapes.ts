import { LANGUAGES } from '../../src/whisper-languages.ts'

/** What a request asks of the model, whatever it is written in. `language` null: to be detected. */
export type Asked = {
  wav: Uint8Array<ArrayBuffer>
  language: string | null
  task: string
  timestamps: boolean
}

export type Heard = {
  text: string
  language: string
  segments: { start: number; end: number; text: string }[]
}

/** What a server will not take, in the status that it says so with. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, why: string) {
    super(why)
    this.status = status
  }
}

/** How one of those that do speech recognition for Hugging Face's client is spoken to, and what it says. */
export type Shape = {
  /** Host and path of its requests. */
  at: string
  /** Throws `Refusal`. */
  read(request: Request): Promise<Asked>
  write(heard: Heard, asked: Asked): unknown
  refuse(status: number, why: string): Response
}

export const MODEL = 'openai/whisper-large-v3-turbo'

const chunksOf = ({ segments }: Heard) =>
  segments.map(({ start, end, text }) => ({ text, timestamp: [start, end] }))

/** transformers' pipeline: returns times only on request, and never a language. */
function pipeline(nested: string, status: number) {
  return {
    async read(request: Request): Promise<Asked> {
      if (!request.headers.get('content-type')?.startsWith('application/json')) {
        throw new Refusal(400, 'Content type not supported')
      }
      const { inputs, parameters = {}, ...others } = await request.json()
      const { return_timestamps: timestamps = false, [nested]: told = {}, ...unknown } = parameters
      const { language = null, task = 'transcribe', ...more } = told
      const unread = Object.keys({ ...others, ...unknown, ...more })
      if (unread.length > 0) throw new Refusal(status, `unexpected keyword argument '${unread[0]}'`)
      if (typeof inputs !== 'string') throw new Refusal(status, 'inputs are missing')
      requireLanguage(language, status)
      return { wav: new Uint8Array(Buffer.from(inputs, 'base64')), language, task, timestamps }
    },
    write: (heard: Heard, { timestamps }: Asked) => ({
      text: heard.text,
      ...(timestamps && { chunks: chunksOf(heard) }),
    }),
  }
}

function requireLanguage(language: unknown, status: number) {
  if (language !== null && !LANGUAGES.has(String(language)))
    throw new Refusal(status, `Unsupported language: ${language}`)
}

export const hfInference: Shape = {
  at: `router.huggingface.co/hf-inference/models/${MODEL}`,
  ...pipeline('generation_parameters', 400),
  refuse: (status, error) => Response.json({ error }, { status }),
}

export const endpoint: Shape = {
  at: 'my-endpoint.endpoints.huggingface.cloud',
  ...pipeline('generate_kwargs', 400),
  refuse: (status, error) => Response.json({ error, code: 'BAD_REQUEST' }, { status }),
}

export const falAi: Shape = {
  at: 'router.huggingface.co/fal-ai/fal-ai/whisper',
  // What it does not know beside its own fields it passes over.
  async read(request) {
    const {
      audio_url: url,
      task = 'transcribe',
      language = null,
      chunk_level = 'segment',
    } = await request.json()
    const wav = /^data:audio\/x-wav;base64,(.*)$/.exec(String(url))?.[1]
    if (wav === undefined) throw new Refusal(422, 'Unsupported data URL')
    if (!['transcribe', 'translate'].includes(task)) throw new Refusal(422, 'unexpected value')
    requireLanguage(language, 422)
    const timestamps = chunk_level === 'segment'
    return { wav: new Uint8Array(Buffer.from(wav, 'base64')), language, task, timestamps }
  },
  write: (heard, { timestamps }) => ({
    text: heard.text,
    chunks: timestamps ? chunksOf(heard).map((chunk) => ({ ...chunk, speaker: null })) : null,
    inferred_languages: [heard.language],
    diarization_segments: [],
  }),
  refuse: (status, msg) =>
    Response.json({ detail: [{ loc: ['body'], msg, type: 'value_error', input: {} }] }, { status }),
}

/** OpenAI's form and `verbose_json`. `unsaid`: the language that is taken where none is named. */
function openAi(unsaid: string | null) {
  return {
    async read(request: Request): Promise<Asked> {
      const form = await request.formData()
      const file = form.get('file')
      if (!(file instanceof File)) throw new Refusal(400, 'file is required')
      if (form.get('model') !== 'whisper-large-v3-at-the-provider') throw new Refusal(404, 'no such model')
      const named = form.get('language') ?? unsaid
      const language = named === null || named === 'auto' ? null : String(named)
      requireLanguage(language, 400)
      const timestamps = form.get('response_format') === 'verbose_json'
      return { wav: await file.bytes(), language, task: 'transcribe', timestamps }
    },
    write: (heard: Heard, { timestamps }: Asked) =>
      timestamps
        ? {
            task: 'transcribe',
            language: heard.language,
            duration: heard.segments.at(-1)?.end ?? 0,
            text: heard.text,
            segments: heard.segments.map((segment, id) => ({ id, ...segment })),
          }
        : { text: heard.text },
    refuse: (status: number, message: string) =>
      Response.json(
        { error: { message, type: 'invalid_request_error', param: null, code: null } },
        { status },
      ),
  }
}

export const together: Shape = {
  at: 'router.huggingface.co/together/v1/audio/transcriptions',
  ...openAi('en'),
}

export const deepinfra: Shape = {
  at: 'router.huggingface.co/deepinfra/v1/openai/audio/transcriptions',
  ...openAi(null),
}

const task = 'automatic-speech-recognition'
const live = (providerId: string) => ({ status: 'live', task, providerId })

/** What the hub says of the model, by provider. */
export const MAPPING = {
  'hf-inference': live(MODEL),
  'fal-ai': live('fal-ai/whisper'),
  together: live('whisper-large-v3-at-the-provider'),
  deepinfra: live('whisper-large-v3-at-the-provider'),
}
