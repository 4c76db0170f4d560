import { join, resolve } from 'node:path'

/** The root of the repository. */
export const ROOT = resolve(import.meta.dir, '../..')

/**
 * The folder of the sidecar's Python environment and model, which all tests share.
 * `VERBATIM_TEST_SIDECAR_DIR` names another folder.
 */
export const SIDECAR_DIR =
  process.env.VERBATIM_TEST_SIDECAR_DIR || join(ROOT, 'node_modules', '.cache', 'verbatim', 'sidecar')

/**
 * The Python of all environments that the tests create. An environment of another Python is created again.
 */
export const PYTHON = process.env.PYTHON || undefined
