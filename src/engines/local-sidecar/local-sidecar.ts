import { join, resolve } from 'node:path'
import { VerbatimError } from '../../errors.ts'
import type { Engine, EngineState, Fetch } from '../engine.ts'
import { backoff } from '../shared/backoff.ts'
import { pause } from '../shared/pause.ts'
import { readiness } from '../shared/readiness.ts'
import { SIDECAR_LIMITS, sidecarEngine } from '../sidecar/sidecar.ts'
import { childEnvironment } from './child-environment.ts'
import { ensureEnvironment } from './environment.ts'
import { ensureModel } from './model.ts'
import { startSidecar } from './process.ts'
import type { Report } from './report.ts'

const INSTALL_RETRY_MS = { first: 15_000, most: 60_000 }
const RESTART_MS = { first: 500, most: 30_000 }
/** A process that ran this long was well: the next one starts without the delays that came before. */
const WELL_MS = 60_000
const SILENT_SECONDS = 60

/**
 * The CPU sidecar that this process installs, starts, watches and stops. Installing it again and starting it
 * again after a failure need nobody: `state()` says meanwhile what is missing and how to cure it.
 *
 * `dir`: what is installed goes there. `root`: the directory that holds `sidecar/`. `python`: the PYTHON
 * setting. `model`: a directory or a hub name; without it the pinned default. `env`: the environment its
 * settings are read from. `silentSeconds`: how long its process may be alive without an answer before it is killed.
 */
export function localSidecar(options: {
  dir: string
  root: string
  python?: string
  model?: string
  env: Record<string, string | undefined>
  silentSeconds?: number
  report: Report
  log: (line: string) => void
  /** What spans go out through. */
  fetch?: Fetch
}): Engine {
  const { log, silentSeconds = SILENT_SECONDS } = options
  // The children run in `root`, so nothing that they are told may depend on where this process runs.
  const [dir, root] = [resolve(options.dir), resolve(options.root)]
  const env = childEnvironment(options.env)
  const closing = new AbortController()
  const { signal } = closing
  const ready = readiness({ ready: false, detail: 'The local sidecar is about to be installed.' })
  let engine: Engine | undefined

  function say(detail: string) {
    ready.set({ ready: false, detail })
  }

  const report: Report = (progress) => {
    const what = progress.step === 'environment' ? 'Installing the Python environment' : 'Fetching the model'
    say(`${what}: ${progress.message}.`)
    options.report(progress)
  }

  async function install() {
    const requirements = [join(root, 'sidecar', 'requirements.txt')]
    const python = await ensureEnvironment({ dir, requirements, python: options.python, env, report, signal })
    const model = options.model ?? (await ensureModel({ dir, root, python, env, report, signal }))
    return { python, model }
  }

  /** One process from start to end. Gives how it ended. */
  async function runOnce(installed: { python: string; model: string }): Promise<string> {
    say('The local sidecar is starting.')
    const process = startSidecar({ ...installed, root, env, log })
    const stop = () => void process.stop()
    signal.addEventListener('abort', stop)
    let silent: ReturnType<typeof setTimeout> | undefined
    try {
      const port = await process.ready
      if (port !== null && !signal.aborted) {
        const onState = (state: EngineState) => {
          if (state.ready) {
            clearTimeout(silent)
            silent = undefined
            ready.set({ ready: true, detail: 'The local sidecar is ready.' })
          } else {
            silent ??= setTimeout(() => process.kill(), silentSeconds * 1000)
            say(
              `The local sidecar runs but does not answer; it is started again if that lasts ${silentSeconds} s.`,
            )
          }
        }
        engine = sidecarEngine({
          ...{ urls: [`http://127.0.0.1:${port}`], onState },
          ...(options.fetch && { fetch: options.fetch }),
        })
      }
      return await process.ended
    } finally {
      signal.removeEventListener('abort', stop)
      clearTimeout(silent)
      await engine?.close()
      engine = undefined
    }
  }

  async function live() {
    let failures = 0
    while (!signal.aborted) {
      let wait: number
      let why: string
      try {
        const installed = await install()
        // What was there already is found without looking at the signal.
        if (signal.aborted) return
        const began = performance.now()
        const how = await runOnce(installed)
        failures = performance.now() - began > WELL_MS ? 1 : failures + 1
        wait = backoff(failures, RESTART_MS)
        why = `The local sidecar ended (${how}).`
      } catch (error) {
        failures += 1
        wait = backoff(failures, INSTALL_RETRY_MS)
        why = error instanceof Error ? error.message : String(error)
      }
      if (signal.aborted) return
      say(`${why} Tried again in ${Math.ceil(wait / 1000)} s.`)
      log(ready.state().detail)
      await pause(wait, signal)
    }
  }
  const life = live()

  return {
    name: 'sidecar',
    ...SIDECAR_LIMITS,
    state: ready.state,
    whenReady: ready.whenReady,

    async transcribe(span) {
      span.signal.throwIfAborted()
      if (!engine) throw new VerbatimError('engine_unavailable', ready.state().detail)
      try {
        return await engine.transcribe(span)
      } catch (cause) {
        if (!(cause instanceof VerbatimError) || cause.code !== 'engine_unavailable') throw cause
        throw new VerbatimError('engine_unavailable', 'The local sidecar broke off; it is started again.', {
          cause,
        })
      }
    },

    async close() {
      closing.abort()
      await life
      say('The local sidecar is stopped.')
    },
  }
}
