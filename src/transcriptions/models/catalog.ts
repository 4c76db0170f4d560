import type { Database } from '../../db/database.ts'
import { findEngineModel } from '../../engines/models.ts'
import { quoted, VerbatimError } from '../../errors.ts'
import type { parseOptions } from '../intake/options.ts'
import { listReported, type ReportedModel } from './engine-models.store.ts'

const CACHE_MS = 2000
/** Languages that an error lists. */
const MAX_LISTED = 5

type ModelRequest = Pick<ReturnType<typeof parseOptions>, 'model' | 'engine' | 'language' | 'task'>

/** The models that the engines of all workers run. */
export type ModelCatalog = {
  list(): Promise<readonly ReportedModel[]>
  /**
   * Throws `validation` if no engine that may receive the audio runs the requested model, or if the model does
   * not take the language or the task; `engine_unavailable` if no engine has reported its models yet.
   */
  check(request: ModelRequest): Promise<void>
}

/** Reads the reports of workers, at most every two seconds. */
export function createModelCatalog({ db }: { db: Database }): ModelCatalog {
  let cached: { models: readonly ReportedModel[]; until: number } | undefined

  async function list() {
    if (cached && performance.now() < cached.until) return cached.models
    const models = await listReported(db)
    cached = { models, until: performance.now() + CACHE_MS }
    return models
  }

  return {
    list,
    async check(request) {
      if (request.model === null) return
      const models = await list()
      if (models.length === 0) {
        throw new VerbatimError(
          'engine_unavailable',
          'No engine has reported its models yet: try again soon, or leave out model',
          { field: 'model' },
        )
      }
      checkModel(request.model, request, models)
    },
  }
}

function checkModel(name: string, request: ModelRequest, models: readonly ReportedModel[]): void {
  const allowed = models.filter(({ engine }) => request.engine === null || engine === request.engine)
  const running = allowed.filter((model) => findEngineModel([model], name))
  if (running.length === 0) {
    const others = [...new Set(allowed.map(({ id }) => id))].join(', ') || 'none'
    throw refused(`model is ${quoted(name)}; the models of this service are ${others}`)
  }
  const { language, task } = request
  if (task === 'translate' && !running.some(({ translates }) => translates)) {
    throw refused(`task is translate; the model ${name} only transcribes`)
  }
  if (language === 'auto' || running.some(({ languages }) => languages?.includes(language) ?? true)) return
  const known = running[0]?.languages ?? []
  const takes = known.length > MAX_LISTED ? 'does not know it' : `takes ${known.join(', ')}`
  throw refused(`language is ${quoted(language)}; the model ${name} ${takes}`)
}

const refused = (message: string) => new VerbatimError('validation', message, { field: 'model' })
