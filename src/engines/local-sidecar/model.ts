import { createHash } from 'node:crypto'
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VerbatimError } from '../../errors.ts'
import { eventOf, progressLine } from './events.ts'
import type { Report } from './report.ts'
import { run } from './run.ts'

type Sidecar = {
  python: string
  /** The folder that holds `sidecar/`. */
  root: string
  env: Record<string, string>
  signal: AbortSignal
}

/** The default model's name, revision and digests as the sidecar prints them; null if it fails. */
async function readPins({ python, root, env, signal }: Sidecar): Promise<string | null> {
  const lines: string[] = []
  const { code } = await run({
    command: [python, '-m', 'sidecar.model', 'pins'],
    cwd: root,
    env,
    signal,
    onLine: (line) => lines.push(line),
  })
  return code === 0 ? lines.join('\n') : null
}

/**
 * Identifies verified model files: the sidecar's pins, and the files' names and sizes. Null if the sidecar
 * prints no pins.
 */
async function fingerprint(sidecar: Sidecar, model: string): Promise<string | null> {
  const pins = await readPins(sidecar)
  if (pins === null) return null
  const hash = createHash('sha256').update(pins)
  for (const name of (await readdir(model)).toSorted()) {
    hash.update(`\n${name} ${(await stat(join(model, name))).size}`)
  }
  return hash.digest('hex')
}

/**
 * Returns the directory of the default model below `dir`. The sidecar's own code (in `root`) downloads and
 * verifies the files, unless a stamp says that this was done. Throws `engine_unavailable` with the reason and
 * the cure.
 */
export async function ensureModel(options: {
  dir: string
  root: string
  python: string
  env: Record<string, string>
  report: Report
  signal: AbortSignal
}): Promise<string> {
  const { dir, root, python, env, report, signal } = options
  const model = join(dir, 'model')
  const stamp = join(dir, 'model.stamp')
  const [recorded, current] = await Promise.allSettled([readFile(stamp, 'utf8'), fingerprint(options, model)])
  if (recorded.status === 'fulfilled' && current.status === 'fulfilled' && recorded.value === current.value) {
    return model
  }

  let reason: string | null = null
  let isDone = false
  report({ step: 'model', message: 'Looking for the model' })
  const { code, lastError } = await run({
    command: [python, '-m', 'sidecar.model', 'fetch', model],
    cwd: root,
    env,
    signal,
    onLine(line) {
      const event = eventOf(line)
      if (event?.event === 'progress') report({ step: 'model', message: progressLine(event) })
      if (event?.event === 'error') reason = event.message
      if (event?.event === 'done') isDone = true
    },
  })
  if (code !== 0 || !isDone) {
    throw new VerbatimError('engine_unavailable', reason ?? `The model cannot be downloaded: ${lastError}.`)
  }
  const verified = await fingerprint(options, model)
  if (verified !== null) {
    await writeFile(`${stamp}.${process.pid}`, verified)
    await rename(`${stamp}.${process.pid}`, stamp)
  }
  return model
}
