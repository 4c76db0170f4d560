import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from '../../async.ts'
import { VerbatimError } from '../../errors.ts'
import type { Engine, EngineState, Fetch } from '../engine.ts'
import { backoff } from '../shared/backoff.ts'
import type { Readiness } from '../shared/readiness.ts'
import { sidecarEngine } from '../sidecar/sidecar.ts'
import { ensureEnvironment } from './environment.ts'
import { ensureModel } from './model.ts'
import { needsDefaultModel } from './model-settings.ts'
import { type SidecarProcess, startSidecar } from './process.ts'
import type { Report } from './report.ts'

const INSTALL_RETRY_MS = { first: 15_000, most: 60_000 }
const RESTART_MS = { first: 500, most: 30_000 }
/** After a run of this length the delay between restarts begins at its shortest again. */
const STABLE_MS = 60_000

/** What to install and run, and the state that the supervision and its caller share. */
export type Supervised = {
  dir: string
  root: string
  python: string | undefined
  model: string | undefined
  env: Record<string, string>
  silentSeconds: number
  report: Report
  log: (line: string) => void
  fetch: Fetch | undefined
  /** Ends the supervision and the process. */
  signal: AbortSignal
  ready: Readiness
  /** Sends spans to the process; undefined while none can answer. */
  engine: Engine | undefined
}

function setNotReady({ ready }: Supervised, detail: string) {
  ready.set({ ready: false, detail })
}

/** Driver files of NVIDIA, on Linux and in WSL. */
const GPU_DEVICES = ['/dev/nvidiactl', '/dev/dxg']

/** The packages for a CPU or a GPU: see `sidecar/requirements.in`. */
const requirementsFor = ({ DEVICE }: Supervised['env']) =>
  DEVICE !== 'cpu' && GPU_DEVICES.some(existsSync) ? 'requirements-gpu.txt' : 'requirements.txt'

async function install(supervised: Supervised) {
  const { dir, root, env, signal } = supervised
  const report: Report = (progress) => {
    const title =
      progress.step === 'environment' ? 'Installing the Python environment' : 'Downloading the model'
    setNotReady(supervised, `${title}: ${progress.message}.`)
    supervised.report(progress)
  }
  const requirements = [join(root, 'sidecar', requirementsFor(env))]
  const python = await ensureEnvironment({
    dir,
    requirements,
    python: supervised.python,
    env,
    report,
    signal,
  })
  const model = await installModel(supervised, python, report)
  return { python, model }
}

async function installModel(supervised: Supervised, python: string, report: Report): Promise<string> {
  const { dir, root, env, signal, model } = supervised
  const models = env.MODELS
  if (model && models && model !== models) {
    throw new VerbatimError(
      'engine_unavailable',
      `MODEL is ${model} and MODELS is ${models}: set one of them (the first of MODELS is the default).`,
    )
  }
  if (model) return model
  return needsDefaultModel(models) ? ensureModel({ dir, root, python, env, report, signal }) : ''
}

/**
 * Publishes the state of a process that can answer, and kills the process if it does not answer for
 * `silentSeconds`. `stop` ends the wait for an answer.
 */
function watchAnswers(supervised: Supervised, process: SidecarProcess) {
  const { ready, silentSeconds } = supervised
  let silenceTimer: ReturnType<typeof setTimeout> | undefined
  return {
    onState(state: EngineState) {
      if (state.ready) {
        clearTimeout(silenceTimer)
        silenceTimer = undefined
        ready.set({ ready: true, detail: 'The local sidecar is ready.' })
      } else {
        silenceTimer ??= setTimeout(() => process.kill(), silentSeconds * 1000)
        setNotReady(
          supervised,
          `The local sidecar does not answer. It is restarted after ${silentSeconds} s without an answer.`,
        )
      }
    },
    stop: () => clearTimeout(silenceTimer),
  }
}

/** Runs one sidecar process. Returns how it ended. */
async function runOnce(
  supervised: Supervised,
  installed: { python: string; model: string },
): Promise<string> {
  const { root, env, log, signal } = supervised
  setNotReady(supervised, 'The local sidecar is starting.')
  const process = startSidecar({ ...installed, root, env, log })
  const stop = () => void process.stop()
  signal.addEventListener('abort', stop)
  const answers = watchAnswers(supervised, process)
  try {
    const port = await process.ready
    if (port !== null && !signal.aborted) {
      supervised.engine = sidecarEngine({
        urls: [`http://127.0.0.1:${port}`],
        onState: answers.onState,
        ...(supervised.fetch && { fetch: supervised.fetch }),
      })
    }
    return await process.ended
  } finally {
    signal.removeEventListener('abort', stop)
    answers.stop()
    await supervised.engine?.close()
    supervised.engine = undefined
  }
}

/** Installs the sidecar and runs it, again after each failure, until the signal fires. */
export async function supervise(supervised: Supervised): Promise<void> {
  const { signal, ready, log } = supervised
  let failures = 0
  while (!signal.aborted) {
    let wait: number
    let problem: string
    try {
      const installed = await install(supervised)
      // An existing installation is returned without checking the signal.
      if (signal.aborted) return
      const startedAt = performance.now()
      const ending = await runOnce(supervised, installed)
      failures = performance.now() - startedAt > STABLE_MS ? 1 : failures + 1
      wait = backoff(failures, RESTART_MS)
      problem = `The local sidecar ended (${ending}).`
    } catch (error) {
      failures += 1
      wait = backoff(failures, INSTALL_RETRY_MS)
      problem = error instanceof Error ? error.message : String(error)
    }
    if (signal.aborted) return
    setNotReady(supervised, `${problem} Next attempt in ${Math.ceil(wait / 1000)} s.`)
    log(ready.state().detail)
    await sleep(wait, signal)
  }
}
