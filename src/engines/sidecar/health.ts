import { sleep } from '../../async.ts'
import type { EngineModel } from '../engine.ts'
import { readErrorBody } from '../shared/read-answer.ts'
import { readModels } from './info.ts'
import { authorization, proxyFor, sidecarSentence } from './request.ts'

/** A sidecar that does not answer a span is noticed by that. */
const IDLE_INTERVAL_MS = 30_000
const BUSY_INTERVAL_MS = 2_000
const UNHEALTHY_INTERVAL_MS = 500
const TIMEOUT_MS = 5_000
/** A sidecar's models change only when it restarts, which a check may miss. */
const INFO_MS = 60_000
/** After this time a span is sent again, to find out whether an operator has corrected the sidecar. */
const MISCONFIGURED_MS = 60_000

export type Sidecar = {
  url: string
  healthy: boolean
  /** Why the sidecar is not healthy, as part of a sentence. */
  problem: string
  /** Its models, the default first; empty until it has told them. */
  models: readonly EngineModel[]
  /** Number of spans that it transcribes for this process. */
  busy: number
  /**
   * Until this `performance.now()` the sidecar counts as unhealthy, since it refused a span as misconfigured.
   * Its /health does not show that.
   */
  refusedUntil: number
  /** Ends the pause before the next check early. */
  checkSoon: () => void
}

/** Takes a failed sidecar out of use until its /health is well. */
export function markDown(sidecar: Sidecar, problem: string) {
  sidecar.healthy = false
  sidecar.problem = problem
  sidecar.checkSoon()
}

/** Takes a sidecar out of use that needs a change by an operator. */
export function markMisconfigured(sidecar: Sidecar, problem: string) {
  markDown(sidecar, problem)
  sidecar.refusedUntil = performance.now() + MISCONFIGURED_MS
}

/** Requests /health. Returns the problem, or null if the sidecar is healthy. */
async function checkHealth(sidecar: Sidecar, connection: Connection): Promise<string | null> {
  try {
    const { status, body } = await get(sidecar, '/health', connection)
    return status === 200 ? null : `/health answered ${status}: ${sidecarSentence(body)}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Asks a healthy sidecar for its models. Those that it told before stay if it does not answer. */
async function updateModels(sidecar: Sidecar, connection: Connection): Promise<void> {
  const info = await get(sidecar, '/info', connection).catch(() => null)
  sidecar.models = (info?.status === 200 && readModels(info.body)) || sidecar.models
}

type Connection = { apiKey: string | undefined; signal: AbortSignal }

async function get({ url }: Sidecar, path: string, { apiKey, signal }: Connection) {
  const response = await fetch(`${url}${path}`, {
    headers: authorization(apiKey),
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    keepalive: false,
    ...proxyFor(url),
  })
  return { status: response.status, body: await readErrorBody(response) }
}

/**
 * Polls a sidecar's /health until `signal` fires: often while it is unhealthy, seldom while it is idle.
 */
export async function watchHealth(options: {
  sidecar: Sidecar
  apiKey: string | undefined
  onCheck: () => void
  signal: AbortSignal
}): Promise<void> {
  const { sidecar, apiKey, onCheck, signal } = options
  let nextInfo = 0
  while (!signal.aborted) {
    const problem = await checkHealth(sidecar, { apiKey, signal })
    if (signal.aborted) return
    const isRefusing = performance.now() < sidecar.refusedUntil
    if (problem !== null) {
      nextInfo = 0
      markDown(sidecar, problem)
    } else if (!isRefusing) Object.assign(sidecar, { healthy: true, problem: '' })
    onCheck()
    if (problem === null && performance.now() >= nextInfo) {
      nextInfo = performance.now() + INFO_MS
      await updateModels(sidecar, { apiKey, signal })
    }
    await untilNextCheck(sidecar, signal)
  }
}

/** A sidecar that becomes unhealthy meanwhile is checked soon. */
async function untilNextCheck(sidecar: Sidecar, signal: AbortSignal): Promise<void> {
  if (sidecar.healthy) {
    const soon = new AbortController()
    sidecar.checkSoon = () => soon.abort()
    const interval = sidecar.busy > 0 ? BUSY_INTERVAL_MS : IDLE_INTERVAL_MS
    await sleep(interval, AbortSignal.any([signal, soon.signal]))
    sidecar.checkSoon = () => {}
  }
  if (!sidecar.healthy) await sleep(UNHEALTHY_INTERVAL_MS, signal)
}
