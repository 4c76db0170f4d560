import { fileURLToPath } from 'node:url'

/** The folder of generated SQL that both drivers apply at start. */
export const MIGRATIONS = fileURLToPath(new URL('../../drizzle', import.meta.url))
