import { fileURLToPath } from 'node:url'

export type Answer = { status: number; headers: Headers; body: unknown }

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url))

export const fixture = (name: string) => Bun.file(`${fixtures}/${name}`)

/** A client of the API; `as` returns a client that sends a token. */
export function clientOf(url: string, token?: string) {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }

  async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const headers = { ...authorization, ...Object.fromEntries(new Headers(init.headers)) }
    const response = await fetch(url + path, { ...init, headers })
    return { status: response.status, headers: response.headers, body: await bodyOf(response) }
  }

  const send = (method: string) => (path: string, body: unknown) =>
    ask(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const post = send('POST')

  async function newSession() {
    const { body } = await post('/api/auth/register', {
      email: `${crypto.randomUUID()}@example.com`,
      password: 'correct horse battery',
    })
    return { access: textAt(body, 'access_token'), refresh: textAt(body, 'refresh_token') }
  }

  return {
    ask,
    post,
    patch: send('PATCH'),
    headers: authorization,
    as: (token: string) => clientOf(url, token),

    /** Registers a new user; returns an access token. */
    newToken: async () => (await newSession()).access,

    newSession,

    upload(audio: Blob | null, fields: Record<string, string> = {}, filename = 'speech.mp3') {
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) form.set(name, value)
      if (audio) form.set('audio', audio, filename)
      return ask('/api/transcribe/', { method: 'POST', body: form })
    },
  }
}

export type Client = ReturnType<typeof clientOf>

async function bodyOf(response: Response): Promise<unknown> {
  const json = response.headers.get('content-type')?.startsWith('application/json')
  const text = await response.text()
  // A response to HEAD has the Content-Type of the omitted body.
  return json && text !== '' ? JSON.parse(text) : text
}

/** A text property of a response body. */
export function textAt(body: unknown, name: string): string {
  const value =
    typeof body === 'object' && body !== null ? new Map(Object.entries(body)).get(name) : undefined
  if (typeof value === 'string') return value
  throw new Error(`no ${name} in ${Bun.inspect(body)}`)
}
