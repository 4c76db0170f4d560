import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Settings } from './config.ts'
import type { Database } from './db/database.ts'
import type { Engine, EngineName } from './engines/engine.ts'
import { type Budget, type Engines, withFailover } from './engines/failover.ts'
import { huggingfaceEngine } from './engines/huggingface/huggingface.ts'
import { localSidecar } from './engines/local-sidecar/local-sidecar.ts'
import { openaiEngine } from './engines/openai/openai.ts'
import { sidecarEngine } from './engines/sidecar/sidecar.ts'
import type { Log } from './log.ts'
import { measuredEngine } from './metrics/measured-engine.ts'
import type { Metrics } from './metrics/metrics.ts'
import { tracedFetch } from './traces/traced-fetch.ts'
import { noTraces, type Traces } from './traces/traces.ts'
import { secondsToday } from './transcriptions/span-statistics.store.ts'

/** The folder that contains `sidecar/`. */
const ROOT = fileURLToPath(new URL('..', import.meta.url))

type EngineServices = {
  settings: Settings
  dataDir: string
  /** The local sidecar reads its own settings from it. */
  env: Record<string, string | undefined>
  traces: Traces
  log: Log
}

/** Opens the engines of INFERENCE, in order of preference. */
export function openEngines({
  db,
  metrics,
  ...services
}: EngineServices & { db: Database; metrics: Metrics }): Engines {
  const { settings, traces } = services
  const [first, ...others] = settings.INFERENCE
  const openers = {
    sidecar: () => openSidecar(services),
    hosted: () => openHosted(settings, traces),
    openai: () => openOpenai(settings, traces),
  }
  const open = (name: Settings['INFERENCE'][number]) => measuredEngine(openers[name](), metrics)
  const budget = (engine: EngineName, secondsPerDay: number | undefined): Budget[] =>
    secondsPerDay === undefined ? [] : [{ engine, secondsPerDay, used: () => secondsToday(db, engine) }]
  return withFailover([open(first), ...others.map(open)], {
    budgets: [
      ...budget('huggingface', settings.HOSTED_SECONDS_PER_DAY),
      ...budget('openai', settings.OPENAI_SECONDS_PER_DAY),
    ],
  })
}

function openOpenai(settings: Settings, traces: Traces): Engine {
  return openaiEngine({
    ...fetchOption(traces, { engine: 'openai', isOwn: false }),
    baseUrl: settings.OPENAI_BASE_URL,
    models: settings.OPENAI_MODEL,
    ...(settings.OPENAI_API_KEY && { apiKey: settings.OPENAI_API_KEY }),
  })
}

function openHosted(settings: Settings, traces: Traces): Engine {
  return huggingfaceEngine({
    ...fetchOption(traces, { engine: 'huggingface', isOwn: false }),
    ...(settings.HF_TOKEN && { token: settings.HF_TOKEN }),
    ...(settings.HF_ENDPOINT_URL
      ? { endpointUrl: settings.HF_ENDPOINT_URL }
      : { models: settings.HF_MODEL, provider: settings.HF_PROVIDER }),
  })
}

function openSidecar({ settings, dataDir, env, traces, log }: EngineServices): Engine {
  const options = fetchOption(traces, { engine: 'sidecar', isOwn: true })
  if (settings.SIDECAR_URL) {
    const apiKey = settings.SIDECAR_API_KEY
    return sidecarEngine({ urls: settings.SIDECAR_URL, ...(apiKey && { apiKey }), ...options })
  }
  return localSidecar({
    dir: resolve(settings.SIDECAR_DIR ?? join(dataDir, 'sidecar')),
    root: ROOT,
    ...(settings.PYTHON && { python: settings.PYTHON }),
    ...(settings.MODEL && { model: settings.MODEL }),
    env,
    report: ({ step, message }) => log(`${step}: ${message}`),
    log: (line) => log(`sidecar: ${line}`),
    ...options,
  })
}

/** Replaces an engine's default `fetch` if traces are exported. */
function fetchOption(traces: Traces, engine: { engine: EngineName; isOwn: boolean }) {
  return traces === noTraces ? {} : { fetch: tracedFetch({ traces, ...engine }) }
}
