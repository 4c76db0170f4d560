/** OpenAI's own API. */
export const OPENAI_BASE_URL = 'https://api.openai.com/v1'

/** The model that OpenAI's API runs by default. Of OpenAI's models only this one reports the times of segments and words. */
export const OPENAI_MODEL = 'whisper-1'

/** A server with OpenAI's `/audio/transcriptions` below `baseUrl`, and one of its models. */
export type Server = { baseUrl: string; apiKey: string | undefined; model: string }

export function describeServer({ baseUrl, model }: Server): string {
  const { origin, pathname } = new URL(baseUrl)
  return `the model ${model} at ${origin}${pathname}`
}

/** The URL of `path` at a server; the query of the base URL is kept, since gateways have versions and keys there. */
export function urlOf({ baseUrl }: Server, path: string): string {
  const url = new URL(baseUrl)
  url.pathname = `${url.pathname.replace(/(?<!\/)\/+$/, '')}${path}`
  return url.href
}

/** Returns a text without the API key. */
export function hideKey({ apiKey }: Server, text: string): string {
  return apiKey ? text.replaceAll(apiKey, '[key]') : text
}
