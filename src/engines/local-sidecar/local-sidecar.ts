import { join, resolve } from 'node:path'
import { sleep } from '../../async.ts'
import { VerbatimError } from '../../errors.ts'
import type { Engine, EngineState, Fetch } from '../engine.ts'
import { backoff } from '../shared/backoff.ts'
import { createReadiness } from '../shared/readiness.ts'
import { SIDECAR_LIMITS, sidecarEngine } from '../sidecar/sidecar.ts'
import { childEnvironment } from './child-environment.ts'
import { ensureEnvironment } from './environment.ts'
import { ensureModel } from './model.ts'
import { startSidecar } from './process.ts'
import type { Report } from './report.ts'

const INSTALL_RETRY_MS = { first: 15_000, most: 60_000 }
const RESTART_MS = { first: 500, most: 30_000 }
/** After a run of this length the delay between restarts begins at its shortest again. */
const STABLE_MS = 60_000
const UNRESPONSIVE_SECONDS = 60

/**
 * A CPU sidecar that this process installs, starts, supervises and stops. A failed installation or process is
 * repeated without an operator; meanwhile `state()` says what is missing and how to fix it.
 *
 * `dir`: the installation directory. `root`: the directory that contains `sidecar/`. `python`: the PYTHON
 * setting. `model`: a directory or a hub name; the pinned default model if undefined. `env`: the environment
 * with the sidecar's settings. `silentSeconds`: the process is killed if it has not answered for this long.
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
  /** Sends the spans. */
  fetch?: Fetch
}): Engine {
  const { log, silentSeconds = UNRESPONSIVE_SECONDS } = options
  // Child processes run in `root`, so their paths must be absolute.
  const [dir, root] = [resolve(options.dir), resolve(options.root)]
  const env = childEnvironment(options.env)
  const closing = new AbortController()
  const { signal } = closing
  const ready = createReadiness({ ready: false, detail: 'The local sidecar will be installed.' })
  let engine: Engine | undefined

  function setNotReady(detail: string) {
    ready.set({ ready: false, detail })
  }

  const report: Report = (progress) => {
    const title =
      progress.step === 'environment' ? 'Installing the Python environment' : 'Downloading the model'
    setNotReady(`${title}: ${progress.message}.`)
    options.report(progress)
  }

  async function install() {
    const requirements = [join(root, 'sidecar', 'requirements.txt')]
    const python = await ensureEnvironment({ dir, requirements, python: options.python, env, report, signal })
    const model = options.model ?? (await ensureModel({ dir, root, python, env, report, signal }))
    return { python, model }
  }

  /** Runs one sidecar process. Returns how it ended. */
  async function runOnce(installed: { python: string; model: string }): Promise<string> {
    setNotReady('The local sidecar is starting.')
    const process = startSidecar({ ...installed, root, env, log })
    const stop = () => void process.stop()
    signal.addEventListener('abort', stop)
    let silenceTimer: ReturnType<typeof setTimeout> | undefined
    try {
      const port = await process.ready
      if (port !== null && !signal.aborted) {
        const onState = (state: EngineState) => {
          if (state.ready) {
            clearTimeout(silenceTimer)
            silenceTimer = undefined
            ready.set({ ready: true, detail: 'The local sidecar is ready.' })
          } else {
            silenceTimer ??= setTimeout(() => process.kill(), silentSeconds * 1000)
            setNotReady(
              `The local sidecar does not answer. It is restarted after ${silentSeconds} s without an answer.`,
            )
          }
        }
        engine = sidecarEngine({
          urls: [`http://127.0.0.1:${port}`],
          onState,
          ...(options.fetch && { fetch: options.fetch }),
        })
      }
      return await process.ended
    } finally {
      signal.removeEventListener('abort', stop)
      clearTimeout(silenceTimer)
      await engine?.close()
      engine = undefined
    }
  }

  async function supervise() {
    let failures = 0
    while (!signal.aborted) {
      let wait: number
      let problem: string
      try {
        const installed = await install()
        // An existing installation is returned without checking the signal.
        if (signal.aborted) return
        const startedAt = performance.now()
        const ending = await runOnce(installed)
        failures = performance.now() - startedAt > STABLE_MS ? 1 : failures + 1
        wait = backoff(failures, RESTART_MS)
        problem = `The local sidecar ended (${ending}).`
      } catch (error) {
        failures += 1
        wait = backoff(failures, INSTALL_RETRY_MS)
        problem = error instanceof Error ? error.message : String(error)
      }
      if (signal.aborted) return
      setNotReady(`${problem} Next attempt in ${Math.ceil(wait / 1000)} s.`)
      log(ready.state().detail)
      await sleep(wait, signal)
    }
  }
  const supervision = supervise()

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
        throw new VerbatimError('engine_unavailable', 'The local sidecar failed and is being restarted.', {
          cause,
        })
      }
    },

    async close() {
      closing.abort()
      await supervision
      setNotReady('The local sidecar is stopped.')
    },
  }
}
