import { type Client, call, keepLoggedIn, logIn, oneOf, read, refresh, register } from './client.ts'
import { follow, remove, type Status, settle } from './following.ts'
import type { Recording } from './recordings.ts'
import { enter, upload } from './uploading.ts'

export type Action = (client: Client) => Promise<void>

async function transcribe(client: Client, recording: Recording, entry = enter(client, recording)) {
  const id = await upload(client, { recording, entry, ...(recording.kind === 'bad' && { way: 'form' }) })
  if (id !== null) await settle(client, entry, await follow(client, id))
}

export const clip: Action = (client) => transcribe(client, oneOf(client, client.clips))

export const bad: Action = (client) => transcribe(client, oneOf(client, client.bad))

/** Of the deployment's clients one at a time: else what waits would grow. */
export const long: Action = async (client) => {
  if (client.long.isUnderWay) return clip(client)
  client.long.isUnderWay = true
  try {
    const [two] = client.longs
    await transcribe(client, two && client.random() < 0.6 ? two : oneOf(client, client.longs))
  } finally {
    client.long.isUnderWay = false
  }
}

/** The answer to an upload is held back until it is over. */
export const awaited: Action = async (client) => {
  const recording = oneOf(client, client.clips)
  const entry = enter(client, recording)
  const id = await upload(client, { recording, entry, way: 'form', headers: { Prefer: 'wait=20' } })
  if (id !== null) await settle(client, entry, await follow(client, id))
}

export const repeated: Action = async (client) => {
  const recording = oneOf(client, client.clips)
  const entry = enter(client, recording)
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const send = () => call(client, { ...sending, expect: [202], body: recording.audio })
  const sending = {
    method: 'PUT',
    path: `/api/transcribe?${new URLSearchParams(recording.fields)}`,
    headers: {
      ...headers,
      'Content-Disposition': `attachment; filename="${entry.filename}"`,
      'Content-Type': 'application/octet-stream',
    },
  }
  const [first, second]: { transcription_id: string }[] = [
    await (await send()).json(),
    await (await send()).json(),
  ]
  entry.id = first?.transcription_id ?? null
  if (!entry.id || entry.id !== second?.transcription_id) {
    client.tally.fault('repeat taken for another', `${entry.id}, ${second?.transcription_id}`)
  }
  if (entry.id) await settle(client, entry, await follow(client, entry.id))
}

export const canceled: Action = async (client) => {
  const isLong = client.random() < 0.4 && !client.long.isUnderWay
  const recording = isLong ? oneOf(client, client.longs) : oneOf(client, client.clips)
  const entry = enter(client, recording, 'canceled')
  const id = await upload(client, { recording, entry })
  if (id === null) return
  await Bun.sleep(client.random() * (isLong ? 6000 : 600))
  const path = `/api/transcriptions/${id}/cancel`
  await call(client, { method: 'POST', path, expect: [200, 409] })
  await settle(client, entry, await follow(client, id))
}

export const deleted: Action = async (client) => {
  const isLong = client.random() < 0.4 && !client.long.isUnderWay
  const recording = isLong ? oneOf(client, client.longs) : oneOf(client, client.clips)
  const entry = enter(client, recording)
  const id = await upload(client, { recording, entry })
  await Bun.sleep(client.random() * (isLong ? 6000 : 600))
  if (id !== null) await remove(client, entry)
}

const FORMATS = ['json', 'verbose_json', 'txt', 'srt', 'vtt', 'tsv']

/** All there is to read of one that is over. */
export const reading: Action = async (client) => {
  const entry = client.kept.length > 0 ? oneOf(client, client.kept) : null
  if (!entry) return clip(client)
  const path = `/api/transcriptions/${entry.id}`
  const status = await read<Status>(client, { path, expect: [200] })
  const isComplete = status.status === 'completed'
  for (const format of FORMATS) {
    const asked = { path: `${path}/transcript?format=${format}`, expect: [isComplete ? 200 : 409] }
    await (await call(client, asked)).text()
  }
  if (isComplete) await (await call(client, { path: `${path}/waveform`, expect: [200] })).text()
  await playBack(client, status)
}

async function playBack(client: Client, { audio_file: path, size }: Status): Promise<void> {
  const start = Math.floor(client.random() * size)
  const part = await call(client, { path, expect: [206], token: null, headers: { Range: `bytes=${start}-` } })
  const { length } = await part.bytes()
  if (length !== size - start) client.tally.fault('audio cut short', `${path}: ${length} of ${size - start}`)
  const etag = part.headers.get('etag') ?? ''
  await call(client, { path, expect: [304], token: null, headers: { 'If-None-Match': etag } })
  await call(client, { path, expect: [416], token: null, headers: { Range: `bytes=${size}-` } })
}

type Page = { transcriptions: { id: string }[]; next_cursor: string | null }

export const searching: Action = async (client) => {
  const first = await read<Page>(client, { path: '/api/transcriptions?limit=5', expect: [200] })
  if (first.next_cursor) {
    await read(client, { path: `/api/transcriptions?limit=5&cursor=${first.next_cursor}`, expect: [200] })
  }
  for (const query of ['q=library river', 'q=trai', 'status=completed', 'language=en', 'q=nosuchword']) {
    await read(client, { path: `/api/transcriptions?${new URLSearchParams(query)}`, expect: [200] })
  }
}

export const session: Action = async (client) => {
  const { email, token } = client.account
  await refresh(client)
  await read(client, { path: '/api/auth/me', expect: [200] })
  const json = { refresh_token: client.account.refresh }
  await call(client, { method: 'POST', path: '/api/auth/logout', expect: [204], json, token: null })
  await call(client, { path: '/api/auth/me', expect: [401], token })
  const wrong = { email, password: 'not the password' }
  await call(client, { method: 'POST', path: '/api/auth/login', expect: [401], json: wrong, token: null })
  await logIn(client)
}

export const key: Action = async (client) => {
  const json = { name: 'soak', scopes: ['read'] }
  const made = await read<{ id: string; key: string }>(client, {
    ...{ method: 'POST', path: '/api/auth/keys', expect: [201], json },
  })
  await read(client, { path: '/api/transcriptions', expect: [200], token: made.key })
  await call(client, { method: 'POST', path: '/api/webhooks', expect: [403], json: {}, token: made.key })
  await call(client, { method: 'DELETE', path: `/api/auth/keys/${made.id}`, expect: [204] })
  await call(client, { path: '/api/transcriptions', expect: [401], token: made.key })
}

/** An account that is removed while something of it is under way. */
export const passing: Action = async (client) => {
  const account = await register(client)
  const webhook = { id: '', uploadsUrl: client.host.hook().url }
  const guest: Client = { ...client, account, webhook, kept: [] }
  const recording = oneOf(client, client.clips)
  const entry = enter(guest, recording, 'deleted')
  await upload(guest, { recording, entry })
  const json = { password: account.password }
  await call(guest, { method: 'DELETE', path: '/api/auth/me', expect: [204], json })
  await call(guest, { path: '/api/auth/me', expect: [401] })
}

export const webhooks: Action = async (client) => {
  const { url, sign } = client.host.hook()
  const made = await read<{ id: string; secret: string }>(client, {
    ...{
      method: 'POST',
      path: '/api/webhooks',
      expect: [201],
      json: { url, events: ['transcription.failed'] },
    },
  })
  sign(made.secret)
  const path = `/api/webhooks/${made.id}`
  await call(client, { method: 'POST', path: `${path}/test`, expect: [202] })
  await read(client, { path: `/api/webhooks/${client.webhook.id}/deliveries?limit=20`, expect: [200] })
  await Bun.sleep(1000)
  await call(client, { method: 'DELETE', path, expect: [204] })
}

/** Each thing that a client may do next, and how often beside the others. */
export async function next(client: Client, choices: [weight: number, action: Action][]): Promise<void> {
  await keepLoggedIn(client)
  const sum = choices.reduce((total, [weight]) => total + weight, 0)
  let at = client.random() * sum
  for (const [weight, action] of choices) {
    at -= weight
    if (at < 0) return action(client)
  }
}
