import type { SpanRequest } from '../engine.ts'
import type { Server } from './server.ts'

/** Fields that some servers or models refuse. A request without them gets a transcript with fewer times. */
export const OPTIONAL_FIELDS = ['response_format', 'timestamp_granularities'] as const

export type OptionalField = (typeof OPTIONAL_FIELDS)[number]

type FormRequest = {
  span: SpanRequest
  wav: Uint8Array<ArrayBuffer>
  server: Server
  /** Fields to leave out. */
  without: ReadonlySet<OptionalField>
}

/** The form of a request, with a span as a WAV file. */
export function formOf(request: FormRequest): FormData {
  const form = new FormData()
  form.set('file', new File([request.wav], 'span.wav', { type: 'audio/wav' }))
  form.set('model', request.server.model)
  if (isMistral(request.server)) addMistralFields(form, request.span)
  else addOpenaiFields(form, request)
  return form
}

function addOpenaiFields(form: FormData, { span, without }: FormRequest) {
  if (!without.has('response_format')) form.set('response_format', 'verbose_json')
  const prompt = [span.prompt, span.keywords.join(', ')].filter(Boolean).join(' ')
  if (prompt !== '') form.set('prompt', prompt)
  // A translation takes neither a language nor granularities.
  if (span.task === 'translate') return
  if (span.language !== 'auto') form.set('language', span.language)
  if (without.has('timestamp_granularities')) return
  form.append('timestamp_granularities[]', 'segment')
  if (span.words) form.append('timestamp_granularities[]', 'word')
}

/** Mistral's own names. It takes either a language or granularities: a language that nobody chose is left out. */
function addMistralFields(form: FormData, span: SpanRequest) {
  if (span.language === 'auto' || span.isLanguageHint) form.set('timestamp_granularities', 'segment')
  else form.set('language', span.language)
  // Terms of several words are written with underscores there.
  for (const keyword of span.keywords) form.append('context_bias', keyword.trim().replaceAll(/[\s,]+/g, '_'))
}

const isMistral = ({ baseUrl }: Server) => new URL(baseUrl).hostname === 'api.mistral.ai'
