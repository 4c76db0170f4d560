import { eventsIn } from '../../test/api/event-stream.ts'
import { type Client, call, oneOf, read } from './client.ts'
import { type Entry, outcomeOf } from './ledger.ts'

export type Status = {
  id: string
  status: string
  transcription: string | null
  audio_file: string
  size: number
  failure: { code: string } | null
}

/** A transcription that takes longer is stuck. */
const STUCK_MS = 15 * 60_000
/** How many finished transcriptions a client keeps. */
const KEPT = 12

const isOver = ({ status }: { status: string }) => status !== 'queued' && status !== 'processing'

const pathOf = (id: string) => `/api/transcriptions/${id}`

/** Follows one to its end in one of the ways there are; null where it does not come. */
export async function follow(client: Client, id: string): Promise<Status | null> {
  const way = oneOf(client, ['poll', 'wait', 'events'])
  for (const until = Date.now() + STUCK_MS; Date.now() < until; ) {
    const headers = way === 'wait' ? { Prefer: 'wait=20' } : {}
    const status = await read<Status>(client, { path: `${pathOf(id)}/`, expect: [200], headers })
    if (isOver(status)) return status
    if (way === 'poll') await Bun.sleep(300 + client.random() * 700)
    if (way === 'events') await listen(client, id)
  }
  client.tally.fault('stuck', id)
  return null
}

/** Hears all there is to hear, sometimes leaving in between and going on where it was. */
async function listen(client: Client, id: string): Promise<void> {
  let lastId: string | undefined
  let heard = 0
  let last: Record<string, unknown> = {}
  for (let breaks = client.random() < 0.3 ? 1 : 0; ; breaks--) {
    const headers = lastId === undefined ? {} : { 'Last-Event-ID': lastId }
    const asked = { path: `${pathOf(id)}/events`, expect: [200], headers, timeoutMs: STUCK_MS }
    const { body } = await call(client, asked)
    if (!body) return
    const events = eventsIn(body)
    for (let told = await events.next(); told; told = await events.next()) {
      heard += 1
      if (told.event === 'status') last = told.data
      if (told.event === 'error') client.tally.fault('error among events', JSON.stringify(told.data))
      if (breaks > 0 && heard >= 2) break
    }
    lastId = events.lastId
    await events.cancel().catch(() => {})
    if (breaks > 0 && heard >= 2) continue
    if (!['completed', 'failed', 'canceled'].includes(String(last.status))) {
      client.tally.fault('events that end before the transcription', `${id}: ${last.status}`)
    }
    return
  }
}

/** Compares how one has ended with how it has to, and keeps it for a while. */
export async function settle(client: Client, entry: Entry, ended: Status | null): Promise<void> {
  if (!ended) return
  const { status, transcription: text, failure } = ended
  const outcome = outcomeOf({ status, text, failure: failure?.code })
  const wanted = client.outcomes.get(entry.recording)
  client.outcomes.set(entry.recording, wanted ?? outcome)
  if (entry.fate === 'kept' && wanted !== undefined && wanted !== outcome) {
    client.tally.fault('another outcome', `${entry.recording}, ${entry.id}: ${outcome}, not ${wanted}`)
  }
  client.kept.push(entry)
  while (client.kept.length > KEPT) {
    const [old] = client.kept.splice(Math.floor(client.random() * client.kept.length), 1)
    if (old) await remove(client, old)
  }
}

export async function remove(client: Client, entry: Entry): Promise<void> {
  entry.fate = 'deleted'
  await call(client, { method: 'DELETE', path: pathOf(entry.id ?? ''), expect: [204] })
  await call(client, { path: `${pathOf(entry.id ?? '')}/`, expect: [404] })
}
