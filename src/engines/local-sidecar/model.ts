import { createHash } from 'node:crypto'
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VerbatimError } from '../../errors.ts'
import { eventOf, progressLine } from './events.ts'
import type { Report } from './report.ts'
import { run } from './run.ts'

/**
 * What says which model it is and that its files are there: the pins they were checked against, and their
 * sizes.
 */
async function fingerprint(root: string, model: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(root, 'sidecar', 'model.py')))
  for (const name of (await readdir(model)).toSorted()) {
    hash.update(`\n${name} ${(await stat(join(model, name))).size}`)
  }
  return hash.digest('hex')
}

/**
 * The directory of the default model's files under `dir`, fetched and checked by the sidecar's own code
 * (`root` holds `sidecar/`) unless a stamp says that this was done. Throws `engine_unavailable` with the
 * reason and the cure.
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
  const [known, found] = await Promise.allSettled([readFile(stamp, 'utf8'), fingerprint(root, model)])
  if (known.status === 'fulfilled' && found.status === 'fulfilled' && known.value === found.value)
    return model

  let told: string | null = null
  let done = false
  report({ step: 'model', message: 'Looking for the model' })
  const { code, lastError } = await run({
    command: [python, '-m', 'sidecar.model', 'fetch', model],
    cwd: root,
    env,
    signal,
    onLine(line) {
      const event = eventOf(line)
      if (event?.event === 'progress') report({ step: 'model', message: progressLine(event) })
      if (event?.event === 'error') told = event.message
      if (event?.event === 'done') done = true
    },
  })
  if (code !== 0 || !done) {
    throw new VerbatimError('engine_unavailable', told ?? `The model could not be fetched: ${lastError}.`)
  }
  await writeFile(`${stamp}.${process.pid}`, await fingerprint(root, model))
  await rename(`${stamp}.${process.pid}`, stamp)
  return model
}
