import {
  type Asked,
  deepinfra,
  endpoint,
  falAi,
  type Heard,
  hfInference,
  MAPPING,
  MODEL,
  Refusal,
  together,
} from './hosted-shapes.ts'

export const TOKEN = 'hf_abcdefghijklmnop'

type Answer = () => Response | Promise<Response>

/**
 * Fakes the hub, Hugging Face's router with its providers, and a dedicated endpoint, on one local port. They read and
 * write the formats of their documentation and of Hugging Face's client, and refuse other requests. `hear` is the model.
 * `fetch` sends all requests to them. `answering` sets responses to return instead, in turn; the last one repeats.
 */
export function hostedServer({ hear }: { hear: (asked: Asked) => Promise<Heard> }) {
  const shapes = [hfInference, endpoint, falAi, together, deepinfra]
  let asked: Asked[] = []
  let answers: Answer[] = []

  function hub(path: string, query: URLSearchParams): Response {
    const model = path.replace('huggingface.co/api/models/', '')
    if (query.get('expand[]') !== 'inferenceProviderMapping') return Response.json({ id: model })
    if (model.includes('gone')) return Response.json({ error: 'Repository not found' }, { status: 404 })
    const inferenceProviderMapping = model === MODEL ? MAPPING : { 'hf-inference': MAPPING['hf-inference'] }
    return Response.json({ id: model, inferenceProviderMapping })
  }

  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url)
      const at = pathname.slice(1).replace(/\/$/, '')
      if (request.headers.get('authorization') !== `Bearer ${TOKEN}`) {
        return Response.json({ error: 'Invalid username or password.' }, { status: 401 })
      }
      if (at.startsWith('huggingface.co/api/models/')) return hub(at, searchParams)
      const shape = shapes.find((one) => one.at === at)
      if (!shape || request.method !== 'POST') return Response.json({ error: 'Not Found' }, { status: 404 })
      try {
        const read = await shape.read(request)
        asked.push(read)
        const answer = answers.length > 1 ? answers.shift() : answers[0]
        return (await answer?.()) ?? Response.json(shape.write(await hear(read), read))
      } catch (error) {
        if (error instanceof Refusal) return shape.refuse(error.status, error.message)
        throw error
      }
    },
  })

  return {
    /** Where the dedicated endpoint is for who cannot go out through `fetch`. */
    endpointUrl: new URL(`/${endpoint.at}`, server.url).href,
    asked: () => asked,
    answering(...replies: Answer[]) {
      asked = []
      answers = replies
    },
    fetch(url: string | URL | Request, init?: RequestInit) {
      const { host, pathname, search } = new URL(url instanceof Request ? url.url : url)
      return fetch(new URL(`/${host}${pathname}${search}`, server.url), init)
    },
    stop: () => server.stop(true),
  }
}
