import { createHash } from 'node:crypto'
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VerbatimError } from '../../errors.ts'
import { eventOf, progressLine } from './events.ts'
import type { Report } from './report.ts'
import { run } from './run.ts'

/** Identifies the model and its files: the pins that they were checked against, and their sizes. */
async function fingerprint(root: string, model: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(root, 'sidecar', 'model.py')))
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
  const [recorded, current] = await Promise.allSettled([readFile(stamp, 'utf8'), fingerprint(root, model)])
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
  await writeFile(`${stamp}.${process.pid}`, await fingerprint(root, model))
  await rename(`${stamp}.${process.pid}`, stamp)
  return model
}
