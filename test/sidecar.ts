// Checks the Python half: lint, format and its own tests, in an environment that this installs where it is missing.
import { join } from 'node:path'
import { childEnvironment } from '../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../src/engines/local-sidecar/environment.ts'
import { ensureModel } from '../src/engines/local-sidecar/model.ts'
import { ROOT, SIDECAR_DIR } from './sidecar-dir.ts'

const env = childEnvironment(process.env)
const { signal } = new AbortController()
const report = ({ step, message }: { step: string; message: string }) => console.log(`${step}: ${message}`)
const folder = join(ROOT, 'sidecar')

const python = await ensureEnvironment({
  dir: `${SIDECAR_DIR}-dev`,
  requirements: [join(folder, 'requirements.txt'), join(folder, 'requirements-dev.txt')],
  python: process.env.PYTHON,
  env,
  report,
  signal,
})
const model = await ensureModel({ dir: SIDECAR_DIR, root: ROOT, python, env, report, signal })

for (const command of [
  ['ruff', 'check', '.', '../bench'],
  ['ruff', 'format', '--check', '.', '../bench'],
  ['pytest', '-q', '-p', 'no:cacheprovider'],
]) {
  console.log(`$ ${command.join(' ')}`)
  const cwd = folder
  const checked = Bun.spawnSync([python, '-m', ...command], {
    cwd,
    env: { ...env, MODEL: model, PYTHONPATH: ROOT },
    stdout: 'inherit',
    stderr: 'inherit',
  })
  if (checked.exitCode !== 0) process.exit(checked.exitCode || 1)
}
