import { VerbatimError } from '../../errors.ts'
import type { SpanRequest } from '../engine.ts'
import type { Target } from './failure.ts'

/**
 * Parameters of the model. Omits defaults, since models other than Whisper refuse unknown parameters.
 * English-only Whisper models (`….en`) refuse the parameter `language`.
 */
function generationParameters(span: SpanRequest, model: string): Record<string, string> {
  const englishOnly = /\.en$/.test(model)
  if (englishOnly && (span.task === 'translate' || !['en', 'auto'].includes(span.language))) {
    throw new VerbatimError('engine_rejected', `The model ${model} transcribes English only.`)
  }
  return {
    ...(span.language === 'auto' || englishOnly ? {} : { language: span.language }),
    ...(span.task === 'translate' ? { task: 'translate' } : {}),
  }
}

type Fields = Record<string, unknown>

/**
 * Arguments of the client beside the audio, in the form that the provider reads. The task's schema has
 * `generation_parameters`. A dedicated endpoint passes its parameters to transformers' pipeline, all versions
 * of which accept `generate_kwargs`. Other providers have their own fields. fal.ai's are beside the audio,
 * since the client sends `parameters` as they are and fal.ai does not read them.
 */
export function argumentsFor(span: SpanRequest, target: Target): Fields & { parameters?: Fields } {
  const generation = generationParameters(span, target.model)
  const hasGeneration = Object.keys(generation).length > 0
  if (target.endpointUrl) {
    return {
      parameters: { return_timestamps: true, ...(hasGeneration ? { generate_kwargs: generation } : {}) },
    }
  }
  switch (target.provider) {
    case 'hf-inference':
      return {
        parameters: {
          return_timestamps: true,
          ...(hasGeneration ? { generation_parameters: generation } : {}),
        },
      }
    case 'fal-ai':
      // Some of its models default to English; null makes them detect the language.
      return { language: null, ...generation, chunk_level: 'segment' }
    case 'together':
    case 'deepinfra':
      if (span.task === 'translate') {
        throw new VerbatimError(
          'engine_rejected',
          `The provider ${target.provider} cannot translate speech: use the task transcribe, or set HF_PROVIDER to hf-inference.`,
        )
      }
      // Together defaults to English.
      return {
        parameters: {
          ...(target.provider === 'together' && { language: 'auto' }),
          ...generation,
          response_format: 'verbose_json',
        },
      }
    default:
      return { parameters: generation }
  }
}

/**
 * The client sends audio as raw bytes and drops `parameters`. This builds the JSON body of the task's schema,
 * which has both. Other requests (a provider's own body, a request to the hub) stay unchanged.
 */
export async function withParameters(init: RequestInit, parameters: Fields = {}): Promise<RequestInit> {
  if (!(init.body instanceof Blob)) return init
  const headers = new Headers(init.headers)
  headers.set('content-type', 'application/json')
  const inputs = Buffer.from(await init.body.arrayBuffer()).toString('base64')
  return { ...init, headers, body: JSON.stringify({ inputs, parameters }) }
}
