import { findEngineModel, type NamedModel } from '../engines/models.ts'
import type { Callback } from '../intake.ts'
import { parseCallbackHeader } from '../transcriptions/intake/callback-header.ts'
import { invalidField } from '../transcriptions/intake/field-values.ts'

/** The body of a request for a transcript. It may have more members. */
export type TranscriptRequest = {
  audio_url: string
  language_code?: string | null
  language_detection?: boolean | null
  multichannel?: boolean | null
  dual_channel?: boolean | null
  audio_start_from?: number | null
  audio_end_at?: number | null
  keyterms_prompt?: string[] | null
  word_boost?: string[] | null
  prompt?: string | null
  quality?: string | null
  temperature?: number | null
  custom_spelling?: { from: string[]; to: string }[] | null
  punctuate?: boolean | null
  format_text?: boolean | null
  webhook_url?: string | null
  webhook_auth_header_name?: string | null
  webhook_auth_header_value?: string | null
  speech_model?: unknown
  speech_models?: unknown
  speaker_labels?: boolean | null
  speakers_expected?: number | null
  speaker_options?: {
    min_speakers_expected?: number | null
    max_speakers_expected?: number | null
  } | null
}

const MAPPED = [
  'audio_url',
  'language_code',
  'language_detection',
  'multichannel',
  'dual_channel',
  'audio_start_from',
  'audio_end_at',
  'keyterms_prompt',
  'word_boost',
  'prompt',
  'quality',
  'temperature',
  'custom_spelling',
  'punctuate',
  'format_text',
  'webhook_url',
  'webhook_auth_header_name',
  'webhook_auth_header_value',
  'speaker_labels',
  'speakers_expected',
  'speaker_options',
]

/** The engine chooses the weight of words. */
const WITHOUT_EFFECT = ['boost_param']

/** AssemblyAI's own models mean the service's default. */
const MODEL_FIELDS = ['speech_model', 'speech_models']

/** Details of features that are not offered. They have no effect unless the feature itself is requested. */
const DETAILS = [
  'content_safety_confidence',
  'redact_pii_audio_quality',
  'redact_pii_policies',
  'redact_pii_sub',
  'summary_model',
  'summary_type',
]

/**
 * Maps the options of a request to the fields of an upload. Throws `validation` for an option that is not
 * offered, unless it is switched off.
 */
export function uploadFields(request: TranscriptRequest, models: readonly NamedModel[]): Map<string, string> {
  checkOffered(request)
  const { audio_start_from: start, audio_end_at: end } = request
  if (end && end <= (start ?? 0)) {
    throw invalidField('audio_end_at', `is ${end}; it must be after audio_start_from (${start ?? 0})`)
  }
  const isSplit = request.multichannel || request.dual_channel
  const replacements = (request.custom_spelling ?? []).flatMap(({ from, to }) =>
    from.map((heard) => ({ heard, written: to })),
  )
  const fields: [name: string, value: string][] = [
    ['words', 'true'],
    ['language', languageOf(request)],
    ['model', modelOf(request, models)],
    ['channels', isSplit ? 'split' : 'mix'],
    ['start', start ? secondsOf(start) : ''],
    ['end', end ? secondsOf(end) : ''],
    ['prompt', request.prompt ?? ''],
    ['quality', request.quality ?? ''],
    ['temperature', request.temperature ? String(request.temperature) : ''],
    ['keywords', listOf([...(request.keyterms_prompt ?? []), ...(request.word_boost ?? [])])],
    ['replace', listOf(replacements)],
    ['webhook_url', request.webhook_url ?? ''],
    ...speakerFields(request),
  ]
  return new Map(fields.filter(([, value]) => value !== ''))
}

/** The first model of the request that an engine runs; empty: none, or AssemblyAI's own. */
function modelOf(
  { speech_model: model, speech_models: models }: TranscriptRequest,
  offered: readonly NamedModel[],
): string {
  const names = [model, ...(Array.isArray(models) ? models : [])].filter((name) => typeof name === 'string')
  return names.map((name) => findEngineModel(offered, name)?.id).find(Boolean) ?? ''
}

/** How AssemblyAI's message is sent to the `webhook_url`; null without one. Throws `validation`. */
export function callbackOf({
  webhook_url: url,
  webhook_auth_header_name: name,
  webhook_auth_header_value: value,
}: TranscriptRequest): Callback | null {
  const header = parseCallbackHeader(
    { name, value },
    { name: 'webhook_auth_header_name', value: 'webhook_auth_header_value' },
  )
  if (url) return { format: 'assemblyai', method: 'POST', header, request: null, urlName: 'webhook_url' }
  if (!header) return null
  throw invalidField('webhook_auth_header_name', 'is set without webhook_url: send both or neither')
}

/** Numbers of speakers have no effect without `speaker_labels`, as at AssemblyAI. */
function speakerFields({
  speaker_labels: isRequested,
  speakers_expected: expected,
  speaker_options: options,
}: TranscriptRequest): [name: string, value: string][] {
  if (!isRequested) return []
  return [
    ['speakers', expected ? String(expected) : 'true'],
    ['min_speakers', String(options?.min_speakers_expected ?? '')],
    ['max_speakers', String(options?.max_speakers_expected ?? '')],
  ]
}

function checkOffered(request: TranscriptRequest): void {
  for (const name of ['punctuate', 'format_text'] as const) {
    if (request[name] === false) {
      throw invalidField(name, 'is false, which is not offered: the text always has punctuation and case')
    }
  }
  const known = [...MAPPED, ...MODEL_FIELDS, ...WITHOUT_EFFECT, ...DETAILS]
  for (const [name, value] of Object.entries(request)) {
    if (known.includes(name) || isOff(value)) continue
    throw invalidField(shown(name), 'is not offered: remove it from the request')
  }
}

function isOff(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return !value
}

/** The client chooses the names of unknown members. */
const MAX_NAME_SHOWN = 100
const shown = (name: string) => name.slice(0, MAX_NAME_SHOWN)

/** Empty for the service's default language. */
function languageOf({ language_code: code, language_detection: isDetected }: TranscriptRequest): string {
  if (!isDetected) return code ?? ''
  if (!code) return 'auto'
  throw invalidField('language_detection', 'is true, and language_code is set: send one of them')
}

const secondsOf = (milliseconds: number) => String(milliseconds / 1000)

const listOf = (items: unknown[]) => (items.length === 0 ? '' : JSON.stringify(items))

const UPLOAD_PATH = /\/assemblyai\/v2\/upload\/([^/]+)$/

export const uploadUrl = (publicUrl: string, id: string) => `${publicUrl}/assemblyai/v2/upload/${id}`

/** The id of the upload that an `upload_url` names, under whichever host it is reached. Null for other URLs. */
export function uploadIdIn(audioUrl: string): string | null {
  return UPLOAD_PATH.exec(URL.parse(audioUrl)?.pathname ?? '')?.[1] ?? null
}
