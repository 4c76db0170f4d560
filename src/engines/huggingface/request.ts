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

/**
 * `parameters` as the one who answers reads them. The task's schema names `generation_parameters`; a
 * dedicated endpoint hands its parameters to transformers' pipeline, every version of which takes
 * `generate_kwargs`. Other providers have fields of their own, beside each other.
 */
export function parametersFor(span: SpanRequest, target: Target): Record<string, unknown> {
  const told = generation(span, target.model)
  const some = Object.keys(told).length > 0
  if (target.endpointUrl) return { return_timestamps: true, ...(some ? { generate_kwargs: told } : {}) }
  switch (target.provider) {
    case 'hf-inference':
      return { return_timestamps: true, ...(some ? { generation_parameters: told } : {}) }
    case 'fal-ai':
      return { ...told, chunk_level: 'segment' }
    case 'together':
    case 'deepinfra':
      if (span.task === 'translate') {
        throw new VerbatimError(
          'engine_rejected',
          `The provider ${target.provider} does not translate speech.`,
        )
      }
      return { ...told, response_format: 'verbose_json' }
    default:
      return told
  }
}

/**
 * The client sends audio as bare bytes and drops `parameters` on the way: the same request with both in it,
 * as the task's schema says. A request of another kind (a provider's own body, a look-up on the hub) stays
 * as it is.
 */
export async function withParameters(
  init: RequestInit,
  parameters: Record<string, unknown>,
): Promise<RequestInit> {
  if (!(init.body instanceof Blob)) return init
  const headers = new Headers(init.headers)
  headers.set('content-type', 'application/json')
  const inputs = Buffer.from(await init.body.arrayBuffer()).toString('base64')
  return { ...init, headers, body: JSON.stringify({ inputs, parameters }) }
}
