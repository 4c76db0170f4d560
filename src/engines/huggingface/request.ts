import { VerbatimError } from '../../errors.ts'
import type { SpanRequest } from '../engine.ts'
import type { Target } from './failure.ts'

/**
 * What the model is told beside the audio. Nothing that is the default is said, since models other than
 * Whisper refuse words they do not know; an English-only Whisper (`….en`) refuses to be told its language.
 */
function generation(span: SpanRequest, model: string): Record<string, string> {
  const englishOnly = /\.en$/.test(model)
  if (englishOnly && (span.task === 'translate' || !['en', 'auto'].includes(span.language))) {
    throw new VerbatimError('engine_rejected', `The model ${model} takes English only.`)
  }
  return {
    ...(span.language === 'auto' || englishOnly ? {} : { language: span.language }),
    ...(span.task === 'translate' ? { task: 'translate' } : {}),
  }
}

type Fields = Record<string, unknown>

/**
 * What the client is given beside the audio, as the one who answers reads it. The task's schema names
 * `generation_parameters`; a dedicated endpoint hands its parameters to transformers' pipeline, every version of which
 * takes `generate_kwargs`. Other providers have fields of their own, beside each other: fal.ai's go beside the audio, since
 * the client leaves what is under `parameters` there, where fal.ai does not look.
 */
export function argumentsFor(span: SpanRequest, target: Target): Fields & { parameters?: Fields } {
  const told = generation(span, target.model)
  const some = Object.keys(told).length > 0
  if (target.endpointUrl) {
    return { parameters: { return_timestamps: true, ...(some ? { generate_kwargs: told } : {}) } }
  }
  switch (target.provider) {
    case 'hf-inference':
      return { parameters: { return_timestamps: true, ...(some ? { generation_parameters: told } : {}) } }
    case 'fal-ai':
      // Some of its models take English for granted unless told null.
      return { language: null, ...told, chunk_level: 'segment' }
    case 'together':
    case 'deepinfra':
      if (span.task === 'translate') {
        throw new VerbatimError(
          'engine_rejected',
          `The provider ${target.provider} does not translate speech.`,
        )
      }
      // Together takes English for granted unless told otherwise.
      return {
        parameters: {
          ...(target.provider === 'together' && { language: 'auto' }),
          ...told,
          response_format: 'verbose_json',
        },
      }
    default:
      return { parameters: told }
  }
}

/**
 * The client sends audio as bare bytes and drops `parameters` on the way: the same request with both in it,
 * as the task's schema says. A request of another kind (a provider's own body, a look-up on the hub) stays
 * as it is.
 */
export async function withParameters(init: RequestInit, parameters: Fields = {}): Promise<RequestInit> {
  if (!(init.body instanceof Blob)) return init
  const headers = new Headers(init.headers)
  headers.set('content-type', 'application/json')
  const inputs = Buffer.from(await init.body.arrayBuffer()).toString('base64')
  return { ...init, headers, body: JSON.stringify({ inputs, parameters }) }
}
