import { pause } from '../pause.ts'
import { authorization, sidecarSentence } from './request.ts'

const READY_MS = 2_000
const WAITING_MS = 500
const ANSWER_MS = 5_000

export type Sidecar = {
  url: string
  healthy: boolean
  /** Why it is not healthy, as part of a sentence. */
  trouble: string
  /** Spans that it is working on for this process. */
  busy: number
}

async function trouble(url: string, apiKey: string | undefined, signal: AbortSignal): Promise<string | null> {
  try {
    const response = await fetch(`${url}/health`, {
      headers: authorization(apiKey),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      keepalive: false,
    })
    const body = await response.text()
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
    sidecar.healthy = found === null
    sidecar.trouble = found ?? ''
    changed()
    await pause(sidecar.healthy ? READY_MS : WAITING_MS, signal)
  }
}
