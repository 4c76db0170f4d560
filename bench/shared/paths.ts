import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dir, '../..')

/** The benches write their results to this folder; git ignores it. */
export const OUT = join(ROOT, 'bench/out')
