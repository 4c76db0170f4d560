import type { ModelAliases } from '../config/model-aliases.ts'
import { quoted, VerbatimError } from '../errors.ts'

const DEFAULT_MODEL = 'whisper-1'
/** The alias of every name that is no other model. */
const ANY = '*'

/** The models, each with the `engine` field of an upload; empty: the service chooses. */
export type Models = ReadonlyMap<string, string>

/** `engines`: the names that clients use for the engines that this service has. */
export function modelsOf({ engines, aliases }: { engines: string[]; aliases: ModelAliases }): Models {
  return new Map([
    [DEFAULT_MODEL, ''],
    ...[...aliases].map(([name, model]) => [name, model === DEFAULT_MODEL ? '' : model] as const),
    ...engines.map((name) => [name, name] as const),
  ])
}

/** The names that `/v1/models` lists. */
export function namesOf(models: Models): string[] {
  return [...models.keys()].filter((name) => name !== ANY)
}

/** Finds a model by its name in any case. Throws `model_not_found`, which lists the models. */
export function findModel(models: Models, name: string): { id: string; engine: string } {
  const entry = [...models].find(([id]) => id.toLowerCase() === name.trim().toLowerCase())
  if (entry) return { id: entry[0], engine: entry[1] }
  const engine = models.get(ANY)
  if (engine !== undefined) return { id: name, engine }
  throw new VerbatimError(
    'model_not_found',
    `Model ${quoted(name)} does not exist; this service has ${namesOf(models).join(', ')}`,
    { field: 'model' },
  )
}
