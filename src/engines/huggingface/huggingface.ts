import type { Engine, Fetch } from '../engine.ts'
import { describedByName } from '../models.ts'
import { remoteEngine } from '../shared/remote-engine.ts'
import { createRequest } from './client.ts'
import { describeTarget, nameOf, type Target } from './failure.ts'
import {
  HUGGINGFACE_MODEL,
  HUGGINGFACE_PROVIDERS,
  type HuggingFaceProvider,
  TRANSCRIBING_ONLY,
} from './providers.ts'

/**
 * The hosted Inference API, or a dedicated endpoint (`endpointUrl`, without `provider`), through Hugging
 * Face's client, which resolves provider, URL and token. `models`: names on the hub, of which the first is the
 * default; an endpoint has one. `fetch` sends the requests. No error contains the token.
 */
export function huggingfaceEngine(options: {
  token?: string
  models?: [string, ...string[]]
  provider?: HuggingFaceProvider
  endpointUrl?: string
  concurrency?: number
  deadlineSeconds?: number
  fetch?: Fetch
}): Engine {
  const { token, endpointUrl, concurrency = 4, deadlineSeconds = 300, fetch: sendRequest = fetch } = options
  const provider = options.provider ?? HUGGINGFACE_PROVIDERS[0]
  const [firstModel, ...otherModels] = options.models ?? [endpointUrl ? '' : HUGGINGFACE_MODEL]
  const served = (model: string) => {
    const target: Target = { model, provider, endpointUrl }
    return {
      ...describedByName(nameOf(target)),
      translates: endpointUrl !== undefined || !TRANSCRIBING_ONLY.includes(provider),
      words: false,
      send: createRequest({ token, target, deadlineSeconds, fetch: sendRequest }),
    }
  }
  const names = [firstModel, ...otherModels].join(', ')
  return remoteEngine({
    name: 'huggingface',
    models: [served(firstModel), ...otherModels.map(served)],
    destination: describeTarget({ model: names, provider, endpointUrl }),
    unusable: token || endpointUrl ? null : 'No Hugging Face token: set HF_TOKEN or HF_ENDPOINT_URL.',
    concurrency,
  })
}
