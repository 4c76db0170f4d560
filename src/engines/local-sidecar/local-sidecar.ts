import { resolve } from 'node:path'
import { VerbatimError } from '../../errors.ts'
import type { Engine, Fetch } from '../engine.ts'
import { createReadiness } from '../shared/readiness.ts'
import { SIDECAR_LIMITS } from '../sidecar/sidecar.ts'
import { childEnvironment } from './child-environment.ts'
import type { Report } from './report.ts'
import { type Supervised, supervise } from './supervise.ts'

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
  const { python, model, silentSeconds = UNRESPONSIVE_SECONDS, report, log, fetch } = options
  // Child processes run in `root`, so their paths must be absolute.
  const [dir, root] = [resolve(options.dir), resolve(options.root)]
  // All models in one folder: the ones that the sidecar fetches itself are beside the default model.
  const env = { MODEL_CACHE: dir, ...childEnvironment(options.env) }
  const closing = new AbortController()
  const { signal } = closing
  const ready = createReadiness({ ready: false, detail: 'The local sidecar will be installed.' })
  const supervised: Supervised = {
    dir,
    root,
    python,
    model,
    env,
    silentSeconds,
    report,
    log,
    fetch,
    signal,
    ready,
    engine: undefined,
  }
  const supervision = supervise(supervised)

  return {
    name: 'sidecar',
    ...SIDECAR_LIMITS,
    state: ready.state,
    models: () => supervised.engine?.models() ?? [],
    whenReady: ready.whenReady,

    async transcribe(span) {
      span.signal.throwIfAborted()
      const { engine } = supervised
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
      ready.set({ ready: false, detail: 'The local sidecar is stopped.' })
    },
  }
}
