import { quoted } from '../errors.ts'
import { UPLOAD_LISTS } from '../fields.ts'
import {
  type Fields,
  invalidField,
  parseBoolean,
  parseChoice,
  parseList,
} from '../transcriptions/intake/field-values.ts'
import { type KnownSpeaker, parseKnownSpeakers } from './known-speakers.ts'
import { findModel, type Models } from './models.ts'

export const TRANSLATION_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const
export const RESPONSE_FORMATS = [...TRANSLATION_FORMATS, 'diarized_json'] as const
export const GRANULARITIES = ['segment', 'word'] as const

/** The fields that may be sent several times. */
export const LIST_FIELDS: ReadonlySet<string> = new Set([
  ...UPLOAD_LISTS,
  'timestamp_granularities',
  'include',
  'known_speaker_names',
  'known_speaker_references',
])

/** The fields that an upload has too, under the same names. */
const SHARED_FIELDS = [
  'prompt',
  'keywords',
  'hotwords',
  'languages',
  'replace',
  'temperature',
  'track',
  'quality',
  'speakers',
  'min_speakers',
  'max_speakers',
]

type ResponseFormat = (typeof RESPONSE_FORMATS)[number]

export type Task = 'transcribe' | 'translate'

export type OpenaiRequest = {
  format: ResponseFormat
  isStreamed: boolean
  /** The response has the log-probabilities of its words. */
  hasLogprobs: boolean
  /** The units whose timestamps `verbose_json` contains. */
  granularities: Set<(typeof GRANULARITIES)[number]>
  knownSpeakers: KnownSpeaker[]
  /** The equivalent fields of an upload. */
  options: Map<string, string>
}

/**
 * Parses OpenAI's form fields. Throws `validation` and `model_not_found`, each with its `field`.
 */
export function parseFields(fields: Fields, { task, models }: { task: Task; models: Models }): OpenaiRequest {
  const formats = task === 'translate' ? TRANSLATION_FORMATS : RESPONSE_FORMATS
  const format: ResponseFormat = parseChoice<ResponseFormat>(fields, 'response_format', formats)
  const granularities = parseGranularities(fields)
  if (granularities.size > 0 && format !== 'verbose_json') {
    throw invalidField('timestamp_granularities', `takes response_format verbose_json, and it is ${format}`)
  }
  const hasLogprobs = parseInclude(fields, format)
  const isStreamed = task === 'transcribe' && parseBoolean(fields, 'stream')
  const model = fields.get('model')
  const knownSpeakers = parseKnownSpeakers(fields)
  const isDiarized = format === 'diarized_json' || knownSpeakers.length > 0
  return {
    format,
    isStreamed,
    hasLogprobs,
    knownSpeakers,
    granularities: granularities.size > 0 ? granularities : new Set(['segment']),
    options: new Map([
      ...(isDiarized ? [['speakers', 'true'] as const] : []),
      ...[...fields].filter(([name, text]) => SHARED_FIELDS.includes(name) && text !== ''),
      ['task', task],
      ['language', (task === 'transcribe' && fields.get('language')?.trim()) || 'auto'],
      ['words', String(hasLogprobs || granularities.has('word'))],
      ...choiceOf(model, models),
    ]),
  }
}

/** The engine and the model that a name means; no name leaves both to the service. */
function choiceOf(name: string | undefined, models: Models): [name: string, value: string][] {
  if (!name) return []
  const { engine, model } = findModel(models, name)
  return [
    ['engine', engine],
    ['model', model],
  ]
}

/** Whether the log-probabilities are to be included, for which OpenAI's clients have a place in `json` only. */
function parseInclude(fields: Fields, format: ResponseFormat): boolean {
  const included = parseList(fields, 'include')
  const unknown = included.find((name) => name !== 'logprobs')
  if (unknown !== undefined) throw invalidField('include', `is ${quoted(unknown)}; it takes logprobs`)
  if (included.length > 0 && format !== 'json') {
    throw invalidField('include', `takes response_format json, and it is ${format}`)
  }
  return included.length > 0
}

function parseGranularities(fields: Fields): OpenaiRequest['granularities'] {
  const name = 'timestamp_granularities'
  return new Set(
    parseList(fields, name).map((text) => {
      const granularity = GRANULARITIES.find((name) => name === text)
      if (granularity) return granularity
      throw invalidField(name, `is ${quoted(text)}; it takes ${GRANULARITIES.join(', ')}`)
    }),
  )
}
