import { quoted, VerbatimError } from '../errors.ts'

export const RESPONSE_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const
export const GRANULARITIES = ['segment', 'word'] as const

type ResponseFormat = (typeof RESPONSE_FORMATS)[number]

export type Task = 'transcribe' | 'translate'

export type OpenaiRequest = {
  format: ResponseFormat
  isStreamed: boolean
  /** The units whose timestamps `verbose_json` contains. */
  granularities: Set<(typeof GRANULARITIES)[number]>
  /** The equivalent fields of an upload. */
  options: Map<string, string>
}

/**
 * Parses OpenAI's form fields. `models` maps each model to the `engine` field of an upload. `prompt` and
 * `temperature` have no effect: engines do not take them. Throws `validation` and `model_not_found`, each
 * with its `field`.
 */
export function parseFields(
  fields: Map<string, string>,
  { task, models }: { task: Task; models: Map<string, string> },
): OpenaiRequest {
  const format = parseChoice(fields, 'response_format', RESPONSE_FORMATS)
  const granularities = parseGranularities(fields)
  if (granularities.size > 0 && format !== 'verbose_json') {
    throw invalid('timestamp_granularities', `takes response_format verbose_json, and it is ${format}`)
  }
  checkTemperature(fields)
  const isStreamed = task === 'transcribe' && parseChoice(fields, 'stream', ['false', 'true']) === 'true'
  return {
    format,
    isStreamed,
    granularities: granularities.size > 0 ? granularities : new Set(['segment']),
    options: new Map([
      ['task', task],
      ['language', (task === 'transcribe' && fields.get('language')) || 'auto'],
      ['words', String(granularities.has('word'))],
      ['engine', engineOf(fields.get('model') || undefined, models)],
      ['track', fields.get('track') ?? ''],
    ]),
  }
}

/** The first choice is the default. */
function parseChoice<const T extends string>(
  fields: Map<string, string>,
  name: string,
  choices: readonly [T, ...T[]],
): T {
  const text = fields.get(name) || choices[0]
  const choice = choices.find((name) => name === text)
  if (choice) return choice
  throw invalid(name, `is ${quoted(text)}; it takes ${choices.join(', ')}`)
}

function checkTemperature(fields: Map<string, string>): void {
  const text = fields.get('temperature') || '0'
  const temperature = Number(text)
  if (!(temperature >= 0 && temperature <= 1)) {
    throw invalid('temperature', `is ${quoted(text)}; it takes a number from 0 to 1`)
  }
}

function parseGranularities(fields: Map<string, string>): OpenaiRequest['granularities'] {
  const name = 'timestamp_granularities'
  const list = fields.get(`${name}[]`) ?? fields.get(name) ?? ''
  return new Set(
    list
      .split(',')
      .filter(Boolean)
      .map((text) => {
        const granularity = GRANULARITIES.find((name) => name === text)
        if (granularity) return granularity
        throw invalid(name, `is ${quoted(text)}; it takes ${GRANULARITIES.join(', ')}`)
      }),
  )
}

function engineOf(model: string | undefined, models: Map<string, string>): string {
  const engine = model === undefined ? '' : models.get(model)
  if (engine !== undefined) return engine
  throw modelNotFound(model ?? '', models)
}

export function modelNotFound(model: string, models: Map<string, string>) {
  return new VerbatimError(
    'model_not_found',
    `Model ${quoted(model)} does not exist; this service has ${[...models.keys()].join(', ')}`,
    { field: 'model' },
  )
}

function invalid(field: string, problem: string) {
  return new VerbatimError('validation', `${field} ${problem}`, { field })
}
