import { sleep } from '../../async.ts'
import { readErrorBody } from '../shared/read-answer.ts'
import { authorization, proxyFor, sidecarSentence } from './request.ts'

const HEALTHY_INTERVAL_MS = 2_000
const UNHEALTHY_INTERVAL_MS = 500
const TIMEOUT_MS = 5_000
/** After this time a span is sent again, to find out whether an operator has corrected the sidecar. */
const MISCONFIGURED_MS = 60_000

export type Sidecar = {
  url: string
  healthy: boolean
  /** Why the sidecar is not healthy, as part of a sentence. */
  problem: string
  /** Number of spans that it transcribes for this process. */
  busy: number
  /**
   * Until this `performance.now()` the sidecar counts as unhealthy, since it refused a span as misconfigured.
   * Its /health does not show that.
   */
  refusedUntil: number
}

/** Takes a failed sidecar out of use until its /health is well. */
export function markDown(sidecar: Sidecar, problem: string) {
  sidecar.healthy = false
  sidecar.problem = problem
}

/** Takes a sidecar out of use that needs a change by an operator. */
export function markMisconfigured(sidecar: Sidecar, problem: string) {
  markDown(sidecar, problem)
  sidecar.refusedUntil = performance.now() + MISCONFIGURED_MS
}

/** Requests /health. Returns the problem, or null if the sidecar is healthy. */
async function checkHealth(
  url: string,
  apiKey: string | undefined,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const response = await fetch(`${url}/health`, {
      headers: authorization(apiKey),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      keepalive: false,
      ...proxyFor(url),
    })
    const body = await readErrorBody(response)
    return response.status === 200 ? null : `/health answered ${response.status}: ${sidecarSentence(body)}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * Polls a sidecar's /health until `signal` fires: often while it is unhealthy, seldom while it is healthy.
 */
export async function watchHealth(options: {
  sidecar: Sidecar
  apiKey: string | undefined
  onCheck: () => void
  signal: AbortSignal
}): Promise<void> {
  const { sidecar, apiKey, onCheck, signal } = options
  while (!signal.aborted) {
    const problem = await checkHealth(sidecar.url, apiKey, signal)
    if (signal.aborted) return
    const isRefusing = performance.now() < sidecar.refusedUntil
    if (problem !== null) markDown(sidecar, problem)
    else if (!isRefusing) Object.assign(sidecar, { healthy: true, problem: '' })
    onCheck()
    await sleep(sidecar.healthy ? HEALTHY_INTERVAL_MS : UNHEALTHY_INTERVAL_MS, signal)
  }
}
