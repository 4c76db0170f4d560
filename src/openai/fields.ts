import { quoted } from '../errors.ts'
import { UPLOAD_LISTS } from '../fields.ts'
import {
  type Fields,
  invalidField,
  parseBoolean,
  parseChoice,
  parseList,
} from '../transcriptions/intake/field-values.ts'
import { findModel, type Models } from './models.ts'

export const RESPONSE_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const
export const GRANULARITIES = ['segment', 'word'] as const

/** The fields that may be sent several times. */
export const LIST_FIELDS: ReadonlySet<string> = new Set([
  ...UPLOAD_LISTS,
  'timestamp_granularities',
  'include',
])

/** The fields that an upload has too, under the same names. */
const SHARED_FIELDS = ['prompt', 'keywords', 'hotwords', 'languages', 'replace', 'temperature', 'track']

type ResponseFormat = (typeof RESPONSE_FORMATS)[number]

export type Task = 'transcribe' | 'translate'

export type OpenaiRequest = {
  format: ResponseFormat
  isStreamed: boolean
  /** The response has the log-probabilities of its words. */
  hasLogprobs: boolean
  /** The units whose timestamps `verbose_json` contains. */
  granularities: Set<(typeof GRANULARITIES)[number]>
  /** The equivalent fields of an upload. */
  options: Map<string, string>
}

/**
 * Parses OpenAI's form fields. Throws `validation` and `model_not_found`, each with its `field`.
 */
export function parseFields(fields: Fields, { task, models }: { task: Task; models: Models }): OpenaiRequest {
  const format = parseChoice(fields, 'response_format', RESPONSE_FORMATS)
  const granularities = parseGranularities(fields)
  if (granularities.size > 0 && format !== 'verbose_json') {
    throw invalidField('timestamp_granularities', `takes response_format verbose_json, and it is ${format}`)
  }
  const hasLogprobs = parseInclude(fields, format)
  const isStreamed = task === 'transcribe' && parseBoolean(fields, 'stream')
  const model = fields.get('model')
  return {
    format,
    isStreamed,
    hasLogprobs,
    granularities: granularities.size > 0 ? granularities : new Set(['segment']),
    options: new Map([
      ...[...fields].filter(([name]) => SHARED_FIELDS.includes(name)),
      ['task', task],
      ['language', (task === 'transcribe' && fields.get('language')?.trim()) || 'auto'],
      ['words', String(hasLogprobs || granularities.has('word'))],
      ['engine', model ? findModel(models, model).engine : ''],
    ]),
  }
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
