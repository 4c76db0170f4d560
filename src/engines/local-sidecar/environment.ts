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

/**
 * Written last, so that the environment that it names is complete. `asked`: the PYTHON setting at that time;
 * another setting makes the environment invalid.
 */
const Stamp = Type.Object({
  requirements: Type.String(),
  asked: Type.Union([Type.String(), Type.Null()]),
  version: Type.String(),
  venv: Type.String(),
})

type Options = {
  dir: string
  /** Paths of pip requirements files in which every line has hashes. */
  requirements: string[]
  /** Path or name of the Python to use; if undefined, the first suitable one on the PATH. */
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

/** The interpreter of the existing environment; null if there is none, or it is outdated. */
async function existingEnvironment({ dir, requirements, python }: Options): Promise<string | null> {
  const stamp = await readStamp(dir)
  if (!stamp || stamp.asked !== (python ?? null)) return null
  if (stamp.requirements !== (await digest(requirements))) return null
  const path = interpreter(dir, stamp.venv)
  // The interpreter is a link to the base Python, which may have been removed.
  return access(path).then(
    () => path,
    () => null,
  )
}

/**
 * Removes all environments except `current`. If a killed installation still writes to one, that one may stay.
 */
async function removeOthers(dir: string, current: string | undefined): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith('venv-') || name === current) continue
    await rm(join(dir, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  }
}

/** A progress message for those of pip's lines that announce something slow; null for others. */
function progressMessage(line: string): string | null {
  const [, name, version, size] =
    /^(?:Downloading|Using cached) ([\w.]+)-(\d[^-]*)-\S+ \((.+)\)$/.exec(line) ?? []
  if (name) return `${name} ${version} (${size})`
  const packages = /^Installing collected packages: (.+)$/.exec(line)?.[1]
  return packages ? `Installing ${packages.split(', ').length} packages` : null
}

async function createEnvironment(options: Options, base: Python): Promise<string> {
  const { dir, env, report, signal } = options
  // A new directory, so that an interrupted installation, and processes that still write to it, cannot damage
  // this one.
  const venv = `venv-${randomUUID().slice(0, 8)}`
  const runStep = async (title: string, command: string[]) => {
    const onLine = (line: string) => {
      const message = progressMessage(line.trim())
      if (message) report({ step: 'environment', message })
    }
    const { code, lastError } = await run({ command, env, signal, onLine })
    if (code !== 0) throw new VerbatimError('engine_unavailable', `${title} failed: ${lastError}.`)
  }
  const previous = (await readStamp(dir))?.venv
  await removeOthers(dir, previous)
  try {
    report({ step: 'environment', message: `Creating a Python ${base.version} environment` })
    await runStep('Creating the Python environment', [base.path, '-m', 'venv', join(dir, venv)])
    await runStep('Installing the Python packages', [
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
    await removeOthers(dir, previous)
    throw error
  }
  await removeOthers(dir, venv)
  return interpreter(dir, venv)
}

/**
 * Creates a virtual environment below `dir` with exactly the packages that `requirements` pin, and returns
 * the path of its interpreter. An existing environment is used without starting a process, if it is complete
 * and was created from the same requirements and Python. If several processes call this at once, one of them
 * creates the environment. Throws `engine_unavailable` with the reason and the cure.
 */
export async function ensureEnvironment(options: Options): Promise<string> {
  const existing = await existingEnvironment(options)
  if (existing) return existing
  const { dir, env, signal } = options
  await mkdir(dir, { recursive: true })
  const base = await findPython({ requested: options.python, env, signal })
  return withFileLock({ path: join(dir, 'environment.lock'), python: base.path, env, signal }, async () => {
    return (await existingEnvironment(options)) ?? (await createEnvironment(options, base))
  })
}
