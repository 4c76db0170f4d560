import { eventsIn } from '../../test/support/event-stream.ts'
import { type Client, type Entry, pick, send } from './client.ts'

export type Status = {
  status: string
  transcription: string | null
  audio_file: string
  size: number
  failure: { code: string } | null
}

const TUS_CHUNKS = 2
const REFUSALS = [400, 413, 415]
/** The number of finished transcriptions that a client keeps. */
const MOST_KEPT = 12

const isOpen = (status: unknown) => status === 'queued' || status === 'processing'
export const pathOf = ({ id }: Entry) => `/api/transcriptions/${id}`

/**
 * Uploads as a form, a raw body or a resumable upload. Sets the entry's id, unless the service refuses a bad
 * recording.
 */
export async function upload(client: Client, entry: Entry): Promise<void> {
  const isBad = entry.recording.kind === 'bad'
  const way = isBad ? 'form' : pick(client, ['form', 'body', 'tus'])
  if (way === 'tus') {
    entry.id = await uploadByTus(client, entry)
    return
  }
  const request = way === 'form' ? formRequest(entry) : bodyRequest(entry)
  const answer = await send(client, { ...request, expect: [202, ...(isBad ? REFUSALS : [])] })
  const { transcription_id, id, code }: Record<string, string | undefined> = await answer.json()
  entry.id = transcription_id ?? id ?? null
  if (entry.id !== null) return
  entry.fate = 'deleted'
  checkOutcome(client, entry, `refused: ${code}`)
}

export function formRequest({ recording, filename }: Entry) {
  return {
    method: 'POST',
    path: '/api/transcribe/',
    body: formOf(filename, recording.audio, recording.fields),
  }
}

export function formOf(
  filename: string,
  audio: Blob,
  fields: Record<string, string>,
  name = 'audio',
): FormData {
  const form = new FormData()
  for (const [field, value] of Object.entries(fields)) form.set(field, value)
  form.set(name, audio, filename)
  return form
}

export function bodyRequest({ recording, filename }: Entry) {
  const headers = {
    'Content-Disposition': `attachment; filename="${filename}"`,
    'Content-Type': 'application/octet-stream',
  }
  const path = `/api/transcribe?${new URLSearchParams(recording.fields)}`
  return { method: 'PUT', path, headers, body: recording.audio }
}

async function uploadByTus(client: Client, entry: Entry): Promise<string> {
  const path = await createTusUpload(client, entry)
  const { audio } = entry.recording
  let last: Response | undefined
  for (let chunk = 0; chunk < TUS_CHUNKS; chunk++) {
    const start = Math.floor((audio.size * chunk) / TUS_CHUNKS)
    const body = audio.slice(start, Math.floor((audio.size * (chunk + 1)) / TUS_CHUNKS))
    last = await send(client, { method: 'PATCH', path, expect: [204], headers: tusHeaders(start), body })
  }
  return last?.headers.get('transcription-id') ?? ''
}

/** Returns the path of the new resumable upload. */
export async function createTusUpload(client: Client, { recording, filename }: Entry): Promise<string> {
  const metadata = Object.entries({ ...recording.fields, filename }).map(
    ([name, value]) => `${name} ${btoa(value)}`,
  )
  const headers = {
    'Tus-Resumable': '1.0.0',
    'Upload-Length': String(recording.audio.size),
    'Upload-Metadata': metadata.join(','),
  }
  const created = await send(client, { method: 'POST', path: '/api/uploads', expect: [201], headers })
  return created.headers.get('location') ?? ''
}

export const tusHeaders = (offset: number) => ({
  'Tus-Resumable': '1.0.0',
  'Content-Type': 'application/offset+octet-stream',
  'Upload-Offset': String(offset),
})

/** Waits for the end by polling, `Prefer: wait` or events, and compares the outcome with the expected one. */
export async function finish(client: Client, entry: Entry): Promise<void> {
  const way = pick(client, ['poll', 'wait', 'events'])
  const headers = way === 'wait' ? { Prefer: 'wait=20' } : {}
  for (;;) {
    const answer = await send(client, { path: `${pathOf(entry)}/`, headers })
    const { status, transcription, failure }: Status = await answer.json()
    if (!isOpen(status)) {
      if (entry.fate === 'kept')
        checkOutcome(client, entry, `${status}: ${failure?.code ?? transcription ?? ''}`)
      break
    }
    if (way === 'poll') await Bun.sleep(300 + client.random() * 700)
    if (way === 'events') await listen(client, entry)
  }
  client.kept.push(entry)
  while (client.kept.length > MOST_KEPT) {
    const [old] = client.kept.splice(Math.floor(client.random() * client.kept.length), 1)
    if (old) await remove(client, old)
  }
}

/** Reads all events; sometimes disconnects and resumes with Last-Event-ID. */
async function listen(client: Client, entry: Entry): Promise<void> {
  let lastId: string | undefined
  let status: unknown
  for (let disconnects = client.random() < 0.3 ? 1 : 0; disconnects >= 0; disconnects--) {
    const headers = lastId === undefined ? {} : { 'Last-Event-ID': lastId }
    const { body } = await send(client, { path: `${pathOf(entry)}/events`, headers })
    if (!body) throw new Error('the event stream has no body')
    const events = eventsIn(body)
    for (let event = await events.next(), count = 1; event; event = await events.next(), count++) {
      if (event.event === 'status') status = event.data.status
      if (event.event === 'error') client.problems.push(`error event: ${JSON.stringify(event.data)}`)
      if (disconnects > 0 && count >= 2) break
    }
    lastId = events.lastId
    await events.cancel().catch(() => {})
  }
  if (isOpen(status)) client.problems.push(`the events of ${entry.id} ended with ${status}`)
}

/** The first outcome of a recording, without other load, is the expected one. */
function checkOutcome(
  { outcomes, problems }: Client,
  { recording: { name }, id }: Entry,
  outcome: string,
): void {
  const expected = outcomes.get(name)
  outcomes.set(name, expected ?? outcome)
  if (expected !== undefined && expected !== outcome) {
    problems.push(`${name}, ${id}: ${outcome}, not ${expected}`)
  }
}

export async function remove(client: Client, entry: Entry): Promise<void> {
  entry.fate = 'deleted'
  await send(client, { method: 'DELETE', path: pathOf(entry), expect: [204] })
  await send(client, { path: `${pathOf(entry)}/`, expect: [404] })
}
