import { type Action, clip } from './actions.ts'
import { type Client, call, oneOf, read, routeOf } from './client.ts'
import { follow, type Status, settle } from './following.ts'
import { beginByTus, enter, formOf, pieceAt, sendHalf, upload } from './uploading.ts'

/** Asks, and is gone a little later, whatever has come by then. */
async function leave(client: Client, asked: Omit<Parameters<typeof call>[1], 'signal'>, withinMs: number) {
  const left = new AbortController()
  const timer = setTimeout(() => left.abort(), client.random() * withinMs)
  try {
    const answer = await call(client, { ...asked, signal: left.signal })
    for await (const _ of answer.body ?? []);
  } catch (error) {
    if (!left.signal.aborted) throw error
    client.tally.answered(`${routeOf(asked)} (left)`)
  } finally {
    clearTimeout(timer)
  }
}

export const inTheMiddle: Action = async (client) => {
  const recording = oneOf(client, client.random() < 0.3 ? client.longs : client.clips)
  const entry = enter(client, recording, 'deleted')
  if (client.random() < 0.5) {
    const form = new Response(formOf({ recording, entry, fields: recording.fields }))
    const headers = { 'Content-Type': form.headers.get('content-type') ?? '' }
    const body = await form.blob()
    return sendHalf(client, { method: 'POST', path: '/api/transcribe/', headers, body })
  }
  const headers = { 'Content-Disposition': `attachment; filename="${entry.filename}"` }
  const path = `/api/transcribe?${new URLSearchParams(recording.fields)}`
  await sendHalf(client, { method: 'PUT', path, headers, body: recording.audio })
}

/** Half of the time with the connection cut in a piece; some are given up, and others nobody ever asks for again. */
export const abandoned: Action = async (client) => {
  const recording = oneOf(client, client.clips)
  const entry = enter(client, recording, 'deleted')
  const path = await beginByTus(client, { recording, entry, fields: recording.fields })
  const half = recording.audio.slice(0, recording.audio.size / 2)
  if (client.random() < 0.5)
    await sendHalf(client, { method: 'PATCH', path, headers: pieceAt(0), body: half })
  else await call(client, { method: 'PATCH', path, expect: [204], headers: pieceAt(0), body: half })
  // A user may have a hundred of them: most are given up.
  if (client.random() < 0.8) await call(client, { method: 'DELETE', path, expect: [204] })
}

export const whileListening: Action = async (client) => {
  const recording = oneOf(client, client.clips)
  const entry = enter(client, recording)
  const id = await upload(client, { recording, entry })
  if (id === null) return
  const asked = { path: `/api/transcriptions/${id}/events`, expect: [200] }
  for (let times = 0; times < 3; times++) await leave(client, asked, 800)
  await settle(client, entry, await follow(client, id))
}

export const whileWaiting: Action = async (client) => {
  const recording = oneOf(client, client.clips)
  const entry = enter(client, recording)
  const id = await upload(client, { recording, entry })
  if (id === null) return
  const asked = { path: `/api/transcriptions/${id}`, expect: [200], headers: { Prefer: 'wait=30' } }
  for (let times = 0; times < 3; times++) await leave(client, asked, 600)
  await settle(client, entry, await follow(client, id))
}

/** All of the upload is there by then, or it is not: whichever, it is not known to who left. */
export const beforeTheAnswer: Action = async (client) => {
  const recording = oneOf(client, client.clips)
  const entry = enter(client, recording, 'unsure')
  const body = formOf({ recording, entry, fields: recording.fields })
  const headers = { Prefer: 'wait=30' }
  const asked = { method: 'POST', path: '/api/transcribe/', expect: [200, 202], headers, body }
  await leave(client, asked, 1500)
  const query = new URLSearchParams({ q: entry.filename.split('.')[0] ?? '' })
  const found = await read<{ transcriptions: { id: string }[] }>(client, {
    ...{ path: `/api/transcriptions?${query}`, expect: [200] },
  })
  const [row] = found.transcriptions
  if (!row) return
  entry.id = row.id
  await settle(client, entry, await follow(client, row.id))
}

export const whilePlaying: Action = async (client) => {
  const entry = client.kept.length > 0 ? oneOf(client, client.kept) : null
  if (!entry) return clip(client)
  const { audio_file } = await read<Status>(client, {
    ...{ path: `/api/transcriptions/${entry.id}`, expect: [200] },
  })
  for (let times = 0; times < 3; times++) {
    await leave(client, { path: audio_file, expect: [200], token: null }, 10)
  }
}

const FORMATS = ['json', 'text', 'verbose_json', 'srt', 'vtt']

/** As OpenAI's clients ask, of which some leave before the answer. */
export const openai: Action = async (client) => {
  const recording = oneOf(client, client.clips)
  const entry = enter(client, recording, 'deleted')
  const isStreamed = client.random() < 0.3
  const task = client.random() < 0.2 ? 'translations' : 'transcriptions'
  const fields = {
    model: 'whisper-1',
    ...(isStreamed ? { stream: 'true' } : { response_format: oneOf(client, FORMATS) }),
  }
  const body = formOf({ recording, entry, fields, name: 'file' })
  const path = `/v1/audio/${isStreamed ? 'transcriptions' : task}`
  const asked = { method: 'POST', path, expect: [200], body }
  if (client.random() < 0.3) return leave(client, asked, 1500)
  const text = await (await call(client, asked)).text()
  if (isStreamed && !text.includes('transcript.text.done')) client.tally.fault('stream without an end', text)
}
