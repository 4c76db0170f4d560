import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { EngineModel } from '../engine.ts'
import { parsedBody } from '../shared/reason.ts'
import { modelName } from '../shared/span-result.ts'

const Codes = Type.Array(Type.String({ pattern: '^[a-z]{2,3}$' }), { maxItems: 200 })
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]))

const Model = Type.Object({
  id: Type.String({ minLength: 1 }),
  aliases: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 20 })),
  default: Type.Optional(Type.Boolean()),
  languages: nullable(Codes),
  translate: nullable(Type.Boolean()),
  words: nullable(Type.Boolean()),
})

/** `models` is missing in sidecars that run one model. */
const Info = Type.Object({
  model_id: Type.String({ minLength: 1 }),
  multilingual: Type.Optional(Type.Boolean()),
  languages: nullable(Codes),
  models: Type.Optional(Type.Array(Model, { maxItems: 100 })),
})

/** The models in a sidecar's `/info`, the default first. Null if it is invalid. */
export function readModels(text: string): EngineModel[] | null {
  const info = parsedBody(text)
  if (!Value.Check(Info, info)) return null
  const { model_id: id, multilingual = true, languages = null } = info
  const only = { id, default: true, languages, translate: multilingual }
  return (info.models ?? [only])
    .toSorted((a, b) => Number(b.default ?? false) - Number(a.default ?? false))
    .map((model) => ({
      id: modelName(model.id),
      aliases: 'aliases' in model ? (model.aliases ?? []) : [],
      languages: model.languages ?? null,
      translates: model.translate ?? true,
      words: ('words' in model ? model.words : null) ?? true,
    }))
}
