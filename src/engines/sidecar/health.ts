import { pause } from '../shared/pause.ts'
import { readReason } from '../shared/read-answer.ts'
import { authorization, proxyFor, sidecarSentence } from './request.ts'

const READY_MS = 2_000
const WAITING_MS = 500
const ANSWER_MS = 5_000
/** What an operator sets right there is found out by a span that is sent again. */
const MISCONFIGURED_MS = 60_000

export type Sidecar = {
  url: string
  healthy: boolean
  /** Why it is not healthy, as part of a sentence. */
  trouble: string
  /** Spans that it is working on for this process. */
  busy: number
  /** It refused a span as misconfigured, which /health does not show: not well before this, by `performance.now()`. */
  refusedUntil: number
}

/** Takes a sidecar out of use that broke off, until its /health says otherwise. */
export function markDown(sidecar: Sidecar, why: string) {
  sidecar.healthy = false
  sidecar.trouble = why
}

/** Takes a sidecar out of use that will not do a span before an operator has changed something. */
export function markMisconfigured(sidecar: Sidecar, why: string) {
  markDown(sidecar, why)
  sidecar.refusedUntil = performance.now() + MISCONFIGURED_MS
}

async function trouble(url: string, apiKey: string | undefined, signal: AbortSignal): Promise<string | null> {
  try {
    const response = await fetch(`${url}/health`, {
      headers: authorization(apiKey),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      keepalive: false,
      ...proxyFor(url),
    })
    const body = await readReason(response)
    return response.status === 200 ? null : `/health answered ${response.status}: ${sidecarSentence(body)}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Asks a sidecar's `/health` until `signal` fires: often while it is down, seldom while it is well. */
export async function watchHealth(options: {
  sidecar: Sidecar
  apiKey: string | undefined
  changed: () => void
  signal: AbortSignal
}): Promise<void> {
  const { sidecar, apiKey, changed, signal } = options
  while (!signal.aborted) {
    const found = await trouble(sidecar.url, apiKey, signal)
    if (signal.aborted) return
    const isRefusing = performance.now() < sidecar.refusedUntil
    if (found !== null) markDown(sidecar, found)
    else if (!isRefusing) Object.assign(sidecar, { healthy: true, trouble: '' })
    changed()
    await pause(sidecar.healthy ? READY_MS : WAITING_MS, signal)
  }
}
