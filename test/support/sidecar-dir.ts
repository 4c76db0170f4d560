import { join, resolve } from 'node:path'

/** The directory that holds `sidecar/`, and everything else. */
export const ROOT = resolve(import.meta.dir, '../..')

/**
 * Where the tests keep the sidecar's Python environment and its model, so that they are installed once and
 * not by each. `VERBATIM_TEST_SIDECAR_DIR` names another place.
 */
export const SIDECAR_DIR =
  process.env.VERBATIM_TEST_SIDECAR_DIR || join(ROOT, 'node_modules', '.cache', 'verbatim', 'sidecar')

/** The Python that everything the tests install is built on. An environment built on another one would be built anew. */
export const PYTHON = process.env.PYTHON || undefined
