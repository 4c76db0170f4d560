import type { EngineModel } from './engine.ts'

/** What a request names a model by. */
export type NamedModel = Pick<EngineModel, 'id' | 'aliases'>

/** Finds a model by its id or an alias, in any case. */
export function findEngineModel<T extends NamedModel>(models: readonly T[], name: string): T | undefined {
  const wanted = name.trim().toLowerCase()
  const byId = models.find(({ id }) => id.toLowerCase() === wanted)
  return byId ?? models.find(({ aliases }) => aliases.some((alias) => alias.toLowerCase() === wanted))
}

const ENGLISH_ONLY = /\.en$/

/** What is known of a model on a server that describes none. */
export function describedByName(id: string): EngineModel {
  const isEnglish = ENGLISH_ONLY.test(id)
  return { id, aliases: [], languages: isEnglish ? ['en'] : null, translates: !isEnglish, words: true }
}
