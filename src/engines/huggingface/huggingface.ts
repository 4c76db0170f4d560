import type { Engine, Fetch } from '../engine.ts'
import { remoteEngine } from '../shared/remote-engine.ts'
import { createRequest } from './client.ts'
import { describeTarget, type Target } from './failure.ts'
import { HUGGINGFACE_MODEL, HUGGINGFACE_PROVIDERS, type HuggingFaceProvider } from './providers.ts'

/**
 * The hosted Inference API, or a dedicated endpoint (`endpointUrl`, without `provider`), through Hugging
 * Face's client, which resolves provider, URL and token. `model`: a name on the hub. `fetch` sends the
 * requests. No error contains the token.
 */
export function huggingfaceEngine(options: {
  token?: string
  model?: string
  provider?: HuggingFaceProvider
  endpointUrl?: string
  concurrency?: number
  deadlineSeconds?: number
  fetch?: Fetch
}): Engine {
  const { token, endpointUrl, concurrency = 4, deadlineSeconds = 300 } = options
  const provider = options.provider ?? HUGGINGFACE_PROVIDERS[0]
  const target: Target = {
    model: options.model ?? (endpointUrl ? '' : HUGGINGFACE_MODEL),
    provider,
    endpointUrl,
  }
  return remoteEngine({
    name: 'huggingface',
    send: createRequest({ token, target, deadlineSeconds, fetch: options.fetch ?? fetch }),
    destination: describeTarget(target),
    unusable: token || endpointUrl ? null : 'No Hugging Face token: set HF_TOKEN or HF_ENDPOINT_URL.',
    concurrency,
  })
}
