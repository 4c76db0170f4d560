import type { Engine, Fetch } from '../engine.ts'
import { describedByName } from '../models.ts'
import { remoteEngine } from '../shared/remote-engine.ts'
import { createRequest } from './request.ts'
import { describeServer, OPENAI_BASE_URL, OPENAI_MODEL } from './server.ts'

/**
 * Any server with OpenAI's `POST /audio/transcriptions` (and `/audio/translations` for the task `translate`)
 * below `baseUrl`: OpenAI, Groq, Mistral, vLLM, speaches, another Verbatim. Segment and word times are read
 * where the server offers `verbose_json`; otherwise a span becomes one segment. `fetch` sends the requests. No
 * error contains the key.
 */
export function openaiEngine(options: {
  baseUrl?: string
  apiKey?: string
  /** The first is the default. */
  models?: [string, ...string[]]
  concurrency?: number
  deadlineSeconds?: number
  fetch?: Fetch
}): Engine {
  const { apiKey, concurrency = 4, deadlineSeconds = 300, fetch: sendRequest = fetch } = options
  const baseUrl = options.baseUrl ?? OPENAI_BASE_URL
  const [first, ...others] = options.models ?? [OPENAI_MODEL]
  const served = (model: string) => ({
    ...describedByName(model),
    send: createRequest({ server: { baseUrl, apiKey, model }, deadlineSeconds, fetch: sendRequest }),
  })
  const needsKey = baseUrl === OPENAI_BASE_URL && !apiKey
  return remoteEngine({
    name: 'openai',
    models: [served(first), ...others.map(served)],
    destination: describeServer({ baseUrl, apiKey, model: [first, ...others].join(', ') }),
    unusable: needsKey
      ? 'No key for OpenAI: set OPENAI_API_KEY, or OPENAI_BASE_URL for another server.'
      : null,
    concurrency,
  })
}
