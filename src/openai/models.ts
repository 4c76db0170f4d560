import type { ModelAliases } from '../config/model-aliases.ts'
import { ENGINES_WITH_SPEAKERS } from '../engines/engine.ts'
import { findEngineModel, type NamedModel } from '../engines/models.ts'
import { quoted, VerbatimError } from '../errors.ts'
import { nameOfEngine } from '../transcriptions/intake/options.ts'
import type { ReportedModel } from '../transcriptions/models/engine-models.store.ts'

const DEFAULT_MODEL = 'whisper-1'
/** The alias of every name that is no other model. */
const ANY = '*'

/** The fields `engine` and `model` of an upload; empty: the service chooses. */
type Choice = { engine: string; model: string }

/** What each name means. */
export type Models = ReadonlyMap<string, Choice>

/**
 * `engines`: the names that clients use for the engines that this service has. `offered`: the models that these
 * run, whose names win over aliases.
 */
export function modelsOf({
  engines,
  aliases,
  offered,
}: {
  engines: string[]
  aliases: ModelAliases
  offered: readonly NamedModel[]
}): Models {
  const choiceOf = (target: string): Choice => {
    if (target === DEFAULT_MODEL) return { engine: '', model: '' }
    return engines.includes(target) ? { engine: target, model: '' } : { engine: '', model: target }
  }
  const own = offered.flatMap(({ id, aliases }) => [id, ...aliases].map((name) => [name, id] as const))
  return new Map<string, Choice>([
    [DEFAULT_MODEL, choiceOf(DEFAULT_MODEL)],
    ...[...aliases].map(([name, target]) => [name, choiceOf(target)] as const),
    ...own.filter(([name]) => name !== DEFAULT_MODEL).map(([name, id]) => [name, choiceOf(id)] as const),
    ...engines.map((name) => [name, choiceOf(name)] as const),
  ])
}

/** The names that `/v1/models` lists. */
export function namesOf(models: Models): string[] {
  return [...models.keys()].filter((name) => name !== ANY)
}

/** A model as `/v1/models` shows it: what an engine runs has its capabilities. */
export function describeModel(name: string, offered: readonly ReportedModel[]) {
  const basic = { id: name, object: 'model' as const, created: 0, owned_by: 'verbatim' }
  const model = name === DEFAULT_MODEL ? undefined : findEngineModel(offered, name)
  if (!model) return basic
  const { id, engine, languages, translates, words } = model
  return {
    ...basic,
    root: id,
    engine: nameOfEngine(engine),
    languages,
    translate: translates,
    words,
    speakers: ENGINES_WITH_SPEAKERS.includes(engine),
  }
}

/** Finds a model by its name in any case. Throws `model_not_found`, which lists the models. */
export function findModel(models: Models, name: string): Choice & { id: string } {
  const entry = [...models].find(([id]) => id.toLowerCase() === name.trim().toLowerCase())
  if (entry) return { id: entry[0], ...entry[1] }
  const any = models.get(ANY)
  if (any !== undefined) return { id: name, ...any }
  throw new VerbatimError(
    'model_not_found',
    `Model ${quoted(name)} does not exist; this service has ${namesOf(models).join(', ')}`,
    { field: 'model' },
  )
}
