import { join } from 'node:path'
import { childEnvironment } from '../../src/engines/local-sidecar/child-environment.ts'
import { ensureEnvironment } from '../../src/engines/local-sidecar/environment.ts'
import { PYTHON, ROOT } from './sidecar-dir.ts'

/** A Python with the packages of `NAME.txt` of this folder. It is created at the first use. */
export async function pythonWith(name: string): Promise<string> {
  return ensureEnvironment({
    dir: join(ROOT, 'node_modules', '.cache', 'verbatim', name),
    requirements: [join(import.meta.dir, `${name}.txt`)],
    python: PYTHON,
    env: childEnvironment(process.env),
    report: () => {},
    signal: AbortSignal.timeout(300_000),
  })
}

/** Runs the script `NAME.py` of this folder with the packages of `NAME.txt`, and returns its output. */
export async function runPythonClient(name: string, args: string[]): Promise<string> {
  const python = await pythonWith(name)
  const child = Bun.spawn([python, join(import.meta.dir, `${name}.py`), ...args], {
    env: childEnvironment(process.env),
    stderr: 'pipe',
  })
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`${name}.py ended with ${code}:\n${errors}`)
  return output
}
