import { quoted, VerbatimError } from '../errors.ts'

/**
 * Names that clients send in hard code or offer as their default: OpenAI's, Groq's, and those of other
 * Whisper servers. The service answers all of them with the model that it has.
 */
const ALIASES = [
  'whisper-1',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-transcribe',
  'whisper-large-v3',
  'whisper-large-v3-turbo',
  'distil-whisper-large-v3-en',
  'whisper',
  'default',
  'base',
  'Systran/faster-whisper-base',
]

/** The models of `/v1/models`, each with the `engine` field of an upload; empty: the service chooses. */
export type Models = ReadonlyMap<string, string>

/** `engines`: the names that clients use for the engines that this service has. */
export function modelsOf(engines: string[]): Models {
  return new Map([
    ...ALIASES.map((name) => [name, ''] as const),
    ...engines.map((name) => [name, name] as const),
  ])
}

/** Finds a model by its name in any case. Throws `model_not_found`, which lists the models. */
export function findModel(models: Models, name: string): { id: string; engine: string } {
  const entry = [...models].find(([id]) => id.toLowerCase() === name.trim().toLowerCase())
  if (entry) return { id: entry[0], engine: entry[1] }
  throw new VerbatimError(
    'model_not_found',
    `Model ${quoted(name)} does not exist; this service has ${[...models.keys()].join(', ')}`,
    { field: 'model' },
  )
}
