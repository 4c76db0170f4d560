import type { Queries } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { countUnfinished } from './uploads.store.ts'

const MAX_UNFINISHED = 100

/** Throws `too_many_uploads`. */
export async function requireFewUnfinished(db: Queries, userId: string): Promise<void> {
  if ((await countUnfinished(db, userId)) < MAX_UNFINISHED) return
  throw new VerbatimError(
    'too_many_uploads',
    `You have ${MAX_UNFINISHED} unfinished uploads: finish or delete one first`,
  )
}
