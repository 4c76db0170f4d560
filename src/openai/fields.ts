import { VerbatimError } from '../errors.ts'

export const RESPONSE_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const
export const GRANULARITIES = ['segment', 'word'] as const

export type ResponseFormat = (typeof RESPONSE_FORMATS)[number]

export type OpenaiRequest = {
  format: ResponseFormat
  isStreamed: boolean
  /** What `verbose_json` tells the times of. */
  granularities: Set<(typeof GRANULARITIES)[number]>
  /** As an upload's fields. */
  options: Map<string, string>
}

/**
 * What a request in OpenAI's fields asks for, of a service that has these `models`. `prompt` and `temperature` are looked
 * at, but engines do not take them. Throws `validation` and `model_not_found`, naming the field.
 */
export function parseFields(
  fields: Map<string, string>,
  { task, models }: { task: 'transcribe' | 'translate'; models: Map<string, string> },
): OpenaiRequest {
  const format = choice(fields, 'response_format', RESPONSE_FORMATS)
  const granularities = granularitiesIn(fields)
  if (granularities.size > 0 && format !== 'verbose_json') {
    throw wrong('timestamp_granularities', `takes response_format verbose_json; it is ${format}`)
  }
  if (!(Number(fields.get('temperature') || 0) >= 0 && Number(fields.get('temperature') || 0) <= 1)) {
    throw wrong('temperature', 'takes a number from 0 to 1')
  }
  const isStreamed = task === 'transcribe' && choice(fields, 'stream', ['false', 'true']) === 'true'
  const hasWords = granularities.has('word')
  return {
    format,
    isStreamed,
    granularities: granularities.size > 0 ? granularities : new Set(['segment']),
    options: new Map([
      ['task', task],
      ['language', (task === 'transcribe' && fields.get('language')) || 'auto'],
      ['words', String(hasWords)],
      ['engine', engineOf(fields.get('model') || undefined, models)],
    ]),
  }
}

/** The first choice is the default. */
function choice<const T extends string>(
  fields: Map<string, string>,
  name: string,
  choices: readonly [T, ...T[]],
): T {
  const text = fields.get(name) || choices[0]
  const found = choices.find((one) => one === text)
  if (found) return found
  throw wrong(name, `takes ${choices.join(', ')}; it is ${quoted(text)}`)
}

function granularitiesIn(fields: Map<string, string>): OpenaiRequest['granularities'] {
  const name = 'timestamp_granularities'
  const told = fields.get(`${name}[]`) ?? fields.get(name) ?? ''
  return new Set(
    told
      .split(',')
      .filter(Boolean)
      .map((text) => {
        const found = GRANULARITIES.find((one) => one === text)
        if (found) return found
        throw wrong(name, `takes ${GRANULARITIES.join(', ')}; it is ${quoted(text)}`)
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
    `There is no model ${quoted(model)}; this service has ${[...models.keys()].join(', ')}`,
    { field: 'model' },
  )
}

function wrong(field: string, problem: string) {
  return new VerbatimError('validation', `${field} ${problem}`, { field })
}

const quoted = (text: string) => JSON.stringify(text.slice(0, 40))
