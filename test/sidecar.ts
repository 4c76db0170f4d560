// Runs a Python module in the sidecar's development environment, from the repository root. Installs the
// environment first if it is missing: `bun test/sidecar.ts pytest -q sidecar/tests/test_app.py`.
//
// Not from `sidecar/`: `python -m` puts the working directory first on the import path, and `sidecar/http`
// would hide Python's own `http`.
import { join } from 'node:path'
import { childEnvironment } from '../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../src/engines/local-sidecar/environment.ts'
import { ensureModel } from '../src/engines/local-sidecar/model.ts'
import { VerbatimError } from '../src/errors.ts'
import { PYTHON, ROOT, SIDECAR_DIR } from './support/sidecar-dir.ts'

const env = { MODEL_CACHE: SIDECAR_DIR, ...childEnvironment(process.env) }
const { signal } = new AbortController()
const report = ({ step, message }: { step: string; message: string }) => console.log(`${step}: ${message}`)
const folder = join(ROOT, 'sidecar')

async function install() {
  const python = await ensureEnvironment({
    dir: `${SIDECAR_DIR}-dev`,
    requirements: [join(folder, 'requirements.txt'), join(folder, 'requirements-dev.txt')],
    python: PYTHON,
    env,
    report,
    signal,
  })
  return { python, model: await ensureModel({ dir: SIDECAR_DIR, root: ROOT, python, env, report, signal }) }
}

const installed = await install().catch((error: unknown) => {
  if (!(error instanceof VerbatimError)) throw error
  console.error(error.message)
  process.exit(1)
})
const child = Bun.spawn([installed.python, '-m', ...process.argv.slice(2)], {
  cwd: ROOT,
  env: { ...env, MODEL: installed.model, PYTHONPATH: ROOT },
  stdin: 'ignore',
  stdout: 'inherit',
  stderr: 'inherit',
})
process.exit(await child.exited)
