import { signUp } from '../../test/support/client.ts'
import type { Recording } from './recordings.ts'

const TIMEOUT_MS = 15 * 60_000

/**
 * What must become of an upload. `canceled`: canceled, or finished before. `deleted`: nothing of it may
 * remain.
 */
export type Fate = 'kept' | 'canceled' | 'deleted'
/** An upload; its file name is unique. `id` is null until the service has accepted it. */
export type Entry = { filename: string; recording: Recording; fate: Fate; id: string | null }

/** What all clients share. */
export type World = {
  url: string
  /** What went wrong, in sentences. */
  problems: string[]
  requests: { count: number }
  recordings: Recording[]
  entries: Map<string, Entry>
  /** The outcome of each recording without other load, by its name. */
  outcomes: Map<string, string>
  /** One long recording is transcribed at a time: otherwise the backlog would grow. */
  long: { isBusy: boolean }
}

/** `kept`: the finished transcriptions that the client has not deleted. */
export type Client = World & { random: () => number; headers: Record<string, string>; kept: Entry[] }

export async function openClient(world: World, random: () => number): Promise<Client> {
  const { headers } = await signUp(world.url)
  return { ...world, random, headers, kept: [] }
}

export type Request = {
  method?: string
  path: string
  /** The expected statuses. */
  expect?: number[]
  headers?: Record<string, string>
  body?: Blob | FormData
  signal?: AbortSignal
}

/** Throws unless the answer has an expected status: by default, 200. */
export async function send(client: Client, request: Request): Promise<Response> {
  const { method = 'GET', path, expect = [200], headers, body, signal } = request
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  client.requests.count += 1
  const answer = await fetch(new URL(path, client.url), {
    method,
    headers: { ...client.headers, ...headers },
    ...(body && { body }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  })
  if (expect.includes(answer.status)) return answer
  throw new Error(`${method} ${path}: ${answer.status} ${await answer.text().catch(String)}`)
}

export function pick<T>({ random }: { random: () => number }, values: readonly T[]): T {
  const picked = values[Math.floor(random() * values.length)]
  if (picked === undefined) throw new Error('there is nothing to pick from')
  return picked
}

/** Starts an upload of a random recording; the audit checks its fate. */
export function pickUpload(client: Client, kind: Recording['kind'], fate: Fate = 'kept'): Entry {
  return enter(
    client,
    pick(
      client,
      client.recordings.filter((recording) => recording.kind === kind),
    ),
    fate,
  )
}

export function enter({ entries }: Client, recording: Recording, fate: Fate): Entry {
  const extension = recording.name.split('.').at(-1)
  const entry: Entry = { filename: `${crypto.randomUUID()}.${extension}`, recording, fate, id: null }
  entries.set(entry.filename, entry)
  return entry
}
