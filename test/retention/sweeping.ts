import type { Database } from '../../src/db/database.ts'
import { markStorage, ownershipOf } from '../../src/retention/storage-owner.ts'
import { type Sweep, type Swept, sweep } from '../../src/retention/sweep.ts'
import type { Storage } from '../../src/storage/storage.ts'

/** A sweep without quarantine and without a maximum of orphans, which accepts no upload again. */
export function sweepOptions(options: { db: Database; storage: Storage } & Partial<Sweep>): Sweep {
  return {
    retentionDays: undefined,
    acceptAgain: async () => ({ kind: 'refused', reason: 'not in this test' }),
    orphanDays: 0,
    maxOrphans: Number.POSITIVE_INFINITY,
    log: () => {},
    signal: new AbortController().signal,
    ...options,
  }
}

/** Sweeps a storage with `sweepOptions`; the database owns it afterwards. */
export async function sweepAll(
  options: Parameters<typeof sweepOptions>[0],
  leftBefore?: Date,
): Promise<Swept> {
  if ((await ownershipOf(options)) === 'unclaimed') await markStorage(options)
  return sweep(sweepOptions(options), leftBefore)
}
