import { LANGUAGES } from '../../src/whisper-languages.ts'
import { type Asked, type Heard, Refusal } from './hosted-shapes.ts'

export const KEY = 'sk-abcdefghijklmnop'

/** What the form of a request asks for, beside the audio. */
export type AskedOpenai = Asked & { path: string; fields: Record<string, string[]> }

/** How a server reads a form and writes a transcript. Each throws `Refusal` for what it does not take. */
type Shape = {
  model: string
  host: string
  /** Fields beside `file` and `model`; a server refuses others. */
  fields: string[]
  check(fields: Record<string, string[]>): void
  write(heard: Heard, asked: AskedOpenai): unknown
  refuse(refusal: Refusal): Response
}

const FIELDS = ['language', 'prompt', 'response_format', 'temperature', 'timestamp_granularities[]']

const openaiError = ({ status, message }: Refusal) =>
  Response.json({ error: { message, type: 'invalid_request_error', param: null, code: null } }, { status })

/** OpenAI's `verbose_json`: the language's name, and words without their spaces and punctuation beside the segments. */
function verbose(heard: Heard, { fields }: AskedOpenai) {
  const granularities = fields['timestamp_granularities[]'] ?? ['segment']
  const words = heard.segments.flatMap((segment) => wordsOf(segment))
  return {
    task: 'transcribe',
    language: LANGUAGES.get(heard.language) ?? heard.language,
    duration: heard.segments.at(-1)?.end ?? 0,
    text: heard.text,
    ...(granularities.includes('segment') && {
      segments: heard.segments.map((segment, id) => ({
        id,
        seek: 0,
        start: segment.start,
        end: segment.end,
        text: segment.text,
        tokens: [50364],
        temperature: 0,
        avg_logprob: -0.2,
        compression_ratio: 1.2,
        no_speech_prob: 0.01,
      })),
    }),
    ...(granularities.includes('word') && { words }),
  }
}

function wordsOf({ start, end, text }: Heard['segments'][number]) {
  const written = text.match(/[\p{L}\p{N}'’]+/gu) ?? []
  const each = (end - start) / Math.max(1, written.length)
  return written.map((word, index) => ({
    word,
    start: start + index * each,
    end: start + (index + 1) * each,
  }))
}

function requireLanguage(fields: Record<string, string[]>) {
  const [language] = fields.language ?? []
  if (language !== undefined && !LANGUAGES.has(language)) {
    throw new Refusal(400, `Invalid language '${language}'. Language must be in ISO-639-1 format.`)
  }
}

export const SHAPES = {
  'whisper-1 of OpenAI': {
    model: 'whisper-1',
    host: 'api.openai.com',
    fields: FIELDS,
    check: requireLanguage,
    write: verbose,
    refuse: openaiError,
  },
  'gpt-4o-transcribe of OpenAI': {
    model: 'gpt-4o-transcribe',
    host: 'api.openai.com',
    fields: FIELDS,
    check(fields) {
      requireLanguage(fields)
      if (fields.response_format?.[0] === 'verbose_json') {
        throw new Refusal(
          400,
          "response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe-api-ev3'. Use 'json' or 'text' instead.",
        )
      }
      if (fields['timestamp_granularities[]']) {
        throw new Refusal(400, 'timestamp_granularities needs response_format verbose_json')
      }
    },
    write: ({ text }) => ({ text, usage: { type: 'tokens', total_tokens: 40 } }),
    refuse: openaiError,
  },
  Groq: {
    model: 'whisper-large-v3-turbo',
    host: 'api.groq.com',
    fields: FIELDS,
    check: requireLanguage,
    write: (heard, asked) => ({ ...verbose(heard, asked), x_groq: { id: 'req_01' } }),
    refuse: openaiError,
  },
  'vLLM before it had segments': {
    model: 'openai/whisper-small',
    host: 'vllm.example',
    fields: FIELDS,
    check(fields) {
      requireLanguage(fields)
      if (fields.response_format?.[0] === 'verbose_json') {
        throw new Refusal(400, 'Currently only support response_format `text` or `json`')
      }
    },
    write: ({ text }) => ({ text }),
    refuse: ({ status, message }) =>
      Response.json(
        { object: 'error', message, type: 'BadRequestError', param: null, code: status },
        { status },
      ),
  },
  vLLM: {
    model: 'openai/whisper-large-v3',
    host: 'vllm.example',
    fields: FIELDS,
    check: requireLanguage,
    write: (heard) => ({
      duration: '4.0',
      language: heard.language,
      text: heard.text,
      segments: heard.segments.map((segment, id) => ({
        id,
        ...segment,
        avg_logprob: -1,
        compression_ratio: -1,
        no_speech_prob: -1,
      })),
    }),
    refuse: ({ status, message }) =>
      Response.json({ error: { message, type: 'BadRequestError', param: null, code: status } }, { status }),
  },
  Mistral: {
    model: 'voxtral-mini-latest',
    host: 'api.mistral.ai',
    fields: ['language', 'temperature', 'timestamp_granularities', 'context_bias', 'diarize'],
    check(fields) {
      requireLanguage(fields)
      if (fields.language && fields.timestamp_granularities) {
        throw new Refusal(400, 'timestamp_granularities and language cannot be used together')
      }
      if (fields.context_bias?.some((term) => /[\s,]/.test(term))) {
        throw new Refusal(422, 'context_bias: String should match pattern')
      }
    },
    write: (heard, { fields }) => ({
      model: 'voxtral-mini-2602',
      text: heard.text,
      language: fields.language ? null : heard.language,
      segments: fields.timestamp_granularities
        ? heard.segments.map((segment) => ({ ...segment, type: 'transcription_segment', speaker_id: null }))
        : [],
      usage: { prompt_audio_seconds: 4, prompt_tokens: 4, total_tokens: 40, completion_tokens: 36 },
    }),
    refuse: ({ status, message }) =>
      Response.json(
        {
          object: 'error',
          message: { detail: [{ type: 'value_error', loc: ['body'], msg: message }] },
          code: null,
        },
        { status },
      ),
  },
} satisfies Record<string, Shape>

export type ShapeName = keyof typeof SHAPES

type Answer = () => Response | Promise<Response>

/**
 * Fakes the servers of `SHAPES` on one local port: they read and write the formats of their documentation, and refuse
 * other requests. `hear` is the model. `fetch` sends the requests for their hosts to it. `answering` sets responses to
 * return instead, in turn; the last one repeats.
 */
export function openaiServer(name: ShapeName, { hear }: { hear: (asked: Asked) => Promise<Heard> }) {
  const shape: Shape = SHAPES[name]
  let asked: AskedOpenai[] = []
  let answers: Answer[] = []

  async function read(request: Request): Promise<AskedOpenai> {
    const { pathname } = new URL(request.url)
    const translates = pathname === '/v1/audio/translations'
    if (!translates && pathname !== '/v1/audio/transcriptions') throw new Refusal(404, 'Not Found')
    const form = await request.formData()
    const file = form.get('file')
    if (!(file instanceof File)) throw new Refusal(400, 'file is required')
    if (form.get('model') !== shape.model) throw new Refusal(404, 'The model does not exist')
    const names = [...new Set(form.keys())].filter((field) => field !== 'file' && field !== 'model')
    const unread = names.find((field) => !shape.fields.includes(field))
    if (unread) throw new Refusal(422, `${unread}: Extra inputs are not permitted`)
    const fields = Object.fromEntries(names.map((field) => [field, form.getAll(field).map(String)]))
    const language = fields.language?.[0] ?? null
    const task = translates ? 'translate' : 'transcribe'
    return { wav: await file.bytes(), language, task, timestamps: true, path: pathname, fields }
  }

  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (request.headers.get('authorization') !== `Bearer ${KEY}`) {
        const error = { message: `Incorrect API key provided: ${KEY}`, code: 'invalid_api_key' }
        return Response.json({ error }, { status: 401 })
      }
      try {
        const one = await read(request)
        asked.push(one)
        shape.check(one.fields)
        const answer = answers.length > 1 ? answers.shift() : answers[0]
        return (await answer?.()) ?? Response.json(shape.write(await hear(one), one))
      } catch (error) {
        if (error instanceof Refusal) return shape.refuse(error)
        throw error
      }
    },
  })

  return {
    /** The server's own address, for who cannot go out through `fetch`. */
    url: new URL('/v1', server.url).href,
    options: {
      baseUrl: `https://${shape.host}/v1`,
      apiKey: KEY,
      models: [shape.model] as [string],
      fetch(url: string | URL | Request, init?: RequestInit) {
        const { pathname, search } = new URL(url instanceof Request ? url.url : url)
        return fetch(new URL(`${pathname}${search}`, server.url), init)
      },
    },
    asked: () => asked,
    answering(...replies: Answer[]) {
      asked = []
      answers = replies
    },
    stop: () => server.stop(true),
  }
}
