import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { VerbatimError } from '../../errors.ts'
import { withFileLock } from './lock.ts'
import { findPython, type Python } from './python.ts'
import type { Report } from './report.ts'
import { run } from './run.ts'

/** Written last, so that what it names is whole. `asked`: the PYTHON setting; another choice makes it void. */
const Stamp = Type.Object({
  requirements: Type.String(),
  asked: Type.Union([Type.String(), Type.Null()]),
  version: Type.String(),
  venv: Type.String(),
})

type Options = {
  dir: string
  /** Paths of pip requirements files, every line of them with hashes. */
  requirements: string[]
  /** The Python to build on, as a path or a name; without it the first good one is found. */
  python: string | undefined
  env: Record<string, string>
  report: Report
  signal: AbortSignal
}

async function digest(files: string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(file))
  return hash.digest('hex')
}

function interpreter(dir: string, venv: string): string {
  return join(dir, venv, 'bin', 'python')
}

async function readStamp(dir: string): Promise<Static<typeof Stamp> | null> {
  try {
    const stamp: unknown = JSON.parse(await readFile(join(dir, 'environment.json'), 'utf8'))
    return Value.Check(Stamp, stamp) ? stamp : null
  } catch {
    return null
  }
}

/** The interpreter of the environment that is there and right, if one is. */
async function standing({ dir, requirements, python }: Options): Promise<string | null> {
  const stamp = await readStamp(dir)
  if (!stamp || stamp.asked !== (python ?? null)) return null
  if (stamp.requirements !== (await digest(requirements))) return null
  const path = interpreter(dir, stamp.venv)
  // The interpreter is a link to the Python it was built on, which may have been removed since.
  return access(path).then(
    () => path,
    () => null,
  )
}

/** Removes all environments but `kept`. One that a killed install still writes to may stay: the next sweep's. */
async function sweep(dir: string, kept: string | undefined): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith('venv-') || name === kept) continue
    await rm(join(dir, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  }
}

/** What a person wants to see of pip's lines: what takes time. */
function told(line: string): string | null {
  const [, name, version, size] =
    /^(?:Downloading|Using cached) ([\w.]+)-(\d[^-]*)-\S+ \((.+)\)$/.exec(line) ?? []
  if (name) return `${name} ${version} (${size})`
  const packages = /^Installing collected packages: (.+)$/.exec(line)?.[1]
  return packages ? `Installing ${packages.split(', ').length} packages` : null
}

async function build(options: Options, base: Python): Promise<string> {
  const { dir, env, report, signal } = options
  // A directory of its own: a build that was cut off, and what still writes to it, is never taken for this one.
  const venv = `venv-${randomUUID().slice(0, 8)}`
  const step = async (what: string, command: string[]) => {
    const onLine = (line: string) => {
      const message = told(line.trim())
      if (message) report({ step: 'environment', message })
    }
    const { code, lastError } = await run({ command, env, signal, onLine })
    if (code !== 0) throw new VerbatimError('engine_unavailable', `${what} failed: ${lastError}.`)
  }
  const former = (await readStamp(dir))?.venv
  await sweep(dir, former)
  try {
    report({ step: 'environment', message: `Making a Python ${base.version} environment` })
    await step('Making the Python environment', [base.path, '-m', 'venv', join(dir, venv)])
    await step('Installing the Python packages', [
      interpreter(dir, venv),
      ...['-m', 'pip', 'install', '--require-hashes', '--no-input', '--disable-pip-version-check'],
      ...['--progress-bar', 'off', ...options.requirements.flatMap((file) => ['-r', file])],
    ])
    const stamp = {
      requirements: await digest(options.requirements),
      asked: options.python ?? null,
      version: base.version,
      venv,
    }
    await writeFile(join(dir, `${venv}.json`), JSON.stringify(stamp))
    await rename(join(dir, `${venv}.json`), join(dir, 'environment.json'))
  } catch (error) {
    await sweep(dir, former)
    throw error
  }
  await sweep(dir, venv)
  return interpreter(dir, venv)
}

/**
 * A virtual environment under `dir` that holds exactly what `requirements` pin, and the path of its
 * interpreter. What is there already and right is used without starting a process; a build that was cut off,
 * or made from other requirements or another Python, is made anew. Several processes may ask at once: one
 * builds. Throws `engine_unavailable` with the reason and the cure.
 */
export async function ensureEnvironment(options: Options): Promise<string> {
  const there = await standing(options)
  if (there) return there
  const { dir, env, signal } = options
  await mkdir(dir, { recursive: true })
  const base = await findPython({ requested: options.python, env, signal })
  return withFileLock({ path: join(dir, 'environment.lock'), python: base.path, env, signal }, async () => {
    return (await standing(options)) ?? (await build(options, base))
  })
}
