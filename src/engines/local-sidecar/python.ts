import { realpath } from 'node:fs/promises'
import { VerbatimError } from '../../errors.ts'

export type Python = { path: string; version: string }

/** The Python 3 minor versions for which all pinned packages have wheels. */
const MIN_MINOR = 11
const MAX_MINOR = 14
/** onnxruntime 1.23.2, which is pinned for Intel Macs, has wheels up to Python 3.13. */
const MAX_MINOR_INTEL_MAC = 13
const INTEL_MAC = 'darwin-x86_64'

const NAMES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']
const PROBE = `
import json, platform, sys
try:
    import ensurepip, venv
    has_venv = True
except ImportError:
    has_venv = False
version = "%d.%d.%d" % sys.version_info[:3]
print(json.dumps([sys.executable, version, has_venv, sys.platform + "-" + platform.machine()]))
`

type Candidate = Python & { hasVenv: boolean; system: string }

/** Runs a command as Python; null if it is none. */
async function probe(
  command: string,
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<Candidate | null> {
  try {
    const process = Bun.spawn([command, '-c', PROBE], { env, stdin: 'ignore', stderr: 'ignore', signal })
    const output: unknown = JSON.parse(await new Response(process.stdout).text())
    if (!Array.isArray(output)) return null
    const [path, version, hasVenv, system] = output
    if (typeof path !== 'string' || typeof version !== 'string') return null
    return { path: await realpath(path), version, hasVenv: hasVenv === true, system: String(system) }
  } catch {
    return null
  }
}

const maxMinor = (system: string) => (system === INTEL_MAC ? MAX_MINOR_INTEL_MAC : MAX_MINOR)

/** Why a Python cannot be used; null if it can. */
function problemOf({ path, version, hasVenv, system }: Candidate): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major !== 3 || minor < MIN_MINOR || minor > maxMinor(system)) return `${path} is ${version}`
  if (!hasVenv) return `${path} lacks its venv module (on Debian: apt install python${major}.${minor}-venv)`
  return null
}

/**
 * Finds a Python of a supported version that can create virtual environments: `requested` (a path or a name)
 * if it is set, else the first on the PATH of `env`. Throws `engine_unavailable` with the supported versions
 * and what was wrong.
 */
export async function findPython({
  requested,
  env,
  signal,
}: {
  requested: string | undefined
  env: Record<string, string>
  signal: AbortSignal
}): Promise<Python> {
  const problems = new Set<string>()
  let system = process.platform === 'darwin' && process.arch === 'x64' ? INTEL_MAC : ''
  for (const command of requested ? [requested] : NAMES) {
    const candidate = await probe(command, env, signal)
    signal.throwIfAborted()
    if (!candidate) continue
    const problem = problemOf(candidate)
    if (problem === null) return { path: candidate.path, version: candidate.version }
    problems.add(problem)
    system = candidate.system
  }
  const suffix = system === INTEL_MAC ? ' for Intel Macs' : ''
  const versions = `Python 3.${MIN_MINOR} to 3.${maxMinor(system)}${suffix}`
  const cure = `install ${versions}, or set PYTHON to its path`
  if (requested && problems.size === 0) {
    throw new VerbatimError(
      'engine_unavailable',
      `PYTHON is ${requested}, which does not run as Python: ${cure}.`,
    )
  }
  const details = problems.size === 0 ? '' : ` (${[...problems].join('; ')})`
  throw new VerbatimError('engine_unavailable', `${versions} was not found${details}: ${cure}.`)
}
