import { realpath } from 'node:fs/promises'
import { VerbatimError } from '../../errors.ts'

export type Python = { path: string; version: string }

const LEAST_MINOR = 11
const NAMES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']
const ASK = `
import json, sys
try:
    import ensurepip, venv
    whole = True
except ImportError:
    whole = False
print(json.dumps([sys.executable, "%d.%d.%d" % sys.version_info[:3], whole]))
`

type Found = { python: Python; whole: boolean } | null

async function examine(command: string, env: Record<string, string>, signal: AbortSignal): Promise<Found> {
  try {
    const process = Bun.spawn([command, '-c', ASK], { env, stdin: 'ignore', stderr: 'ignore', signal })
    const said: unknown = JSON.parse(await new Response(process.stdout).text())
    if (!Array.isArray(said)) return null
    const [path, version, whole] = said
    if (typeof path !== 'string' || typeof version !== 'string') return null
    return { python: { path: await realpath(path), version }, whole: whole === true }
  } catch {
    return null
  }
}

function recent({ version }: Python): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major === 3 && minor >= LEAST_MINOR
}

/**
 * A Python 3.11 or newer that can make virtual environments: `asked` (a path or a name) and no other, or the
 * first that the PATH in `env` has. Throws `engine_unavailable` with what is missing and the cure.
 */
export async function findPython(options: {
  asked: string | undefined
  env: Record<string, string>
  signal: AbortSignal
}): Promise<Python> {
  const { asked, env, signal } = options
  const wrong: string[] = []
  for (const command of asked ? [asked] : NAMES) {
    const found = await examine(command, env, signal)
    signal.throwIfAborted()
    if (found && recent(found.python) && found.whole) return found.python
    if (!found) continue
    const { path, version } = found.python
    const short = version.split('.').slice(0, 2).join('.')
    wrong.push(
      recent(found.python)
        ? `${path} lacks its venv module (on Debian: apt install python${short}-venv)`
        : `${path} is ${version}`,
    )
  }
  const cure = 'install Python 3.11 or newer, or set PYTHON to the path of one'
  if (asked && wrong.length === 0) {
    throw new VerbatimError(
      'engine_unavailable',
      `PYTHON is ${asked}, which is no Python that runs: ${cure}.`,
    )
  }
  const but = wrong.length === 0 ? '' : ` (${[...new Set(wrong)].join('; ')})`
  throw new VerbatimError('engine_unavailable', `Python 3.11 or newer was not found${but}: ${cure}.`)
}
