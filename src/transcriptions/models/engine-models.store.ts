import { asc, lt, sql } from 'drizzle-orm'
import type { Queries } from '../../db/database.ts'
import { engineModels } from '../../db/schema.ts'
import type { EngineModel, EngineName } from '../../engines/engine.ts'

export type ReportedModel = EngineModel & { engine: EngineName }

/** Reports of workers within this time of the latest one hold. */
const VALIDITY = sql`interval '10 minutes'`

/** Writes the models that a worker's engines run, in order of preference, and removes those that none reports. */
export async function reportModels(db: Queries, models: readonly ReportedModel[]): Promise<void> {
  if (models.length === 0) return
  await db
    .insert(engineModels)
    .values(models.map((model, position) => ({ ...model, position })))
    .onConflictDoUpdate({
      target: [engineModels.engine, engineModels.id],
      set: {
        position: sql`excluded.position`,
        aliases: sql`excluded.aliases`,
        languages: sql`excluded.languages`,
        translates: sql`excluded.translates`,
        words: sql`excluded.words`,
        seenAt: sql`now()`,
      },
    })
  await db.delete(engineModels).where(lt(engineModels.seenAt, sql`now() - ${VALIDITY}`))
}

/** The models that workers reported last, in order of preference. */
export async function listReported(db: Queries): Promise<ReportedModel[]> {
  const rows = await db.select().from(engineModels).orderBy(asc(engineModels.position), asc(engineModels.id))
  return rows.map(({ position: _, seenAt: __, ...model }) => model)
}
