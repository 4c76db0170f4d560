import { type Client, type Entry, pick, pickUpload, send } from './client.ts'
import { finish, formOf, pathOf, remove, type Status, upload } from './transcriptions.ts'

export type Action = (client: Client) => Promise<void>

const FORMATS = ['json', 'verbose_json', 'txt', 'srt', 'vtt', 'tsv']

export async function transcribe(client: Client, entry: Entry): Promise<void> {
  await upload(client, entry)
  if (entry.id !== null) await finish(client, entry)
}

export const clip: Action = (client) => transcribe(client, pickUpload(client, 'clip'))

export const bad: Action = (client) => transcribe(client, pickUpload(client, 'bad'))

export const long: Action = async (client) => {
  if (client.long.isBusy) return clip(client)
  client.long.isBusy = true
  try {
    await transcribe(client, pickUpload(client, 'long'))
  } finally {
    client.long.isBusy = false
  }
}

export const cancel: Action = async (client) => {
  const entry = pickUpload(client, 'clip', 'canceled')
  await upload(client, entry)
  await Bun.sleep(client.random() * 600)
  await send(client, { method: 'POST', path: `${pathOf(entry)}/cancel`, expect: [200, 409] })
  await finish(client, entry)
}

/** Deletes a transcription in progress. */
export const removeOpen: Action = async (client) => {
  const entry = pickUpload(client, client.long.isBusy ? 'clip' : 'long', 'deleted')
  await upload(client, entry)
  await Bun.sleep(client.random() * 3000)
  await remove(client, entry)
}

/** Reads everything of a finished transcription. */
export const readAll: Action = async (client) => {
  const [entry] = client.kept
  if (!entry) return clip(client)
  const {
    status,
    audio_file: audio,
    size,
  }: Status = await (await send(client, { path: pathOf(entry) })).json()
  for (const format of FORMATS) {
    const path = `${pathOf(entry)}/transcript?format=${format}`
    await (await send(client, { path, expect: [status === 'completed' ? 200 : 409] })).text()
  }
  const start = Math.floor(client.random() * size)
  const part = await send(client, { path: audio, expect: [206], headers: { Range: `bytes=${start}-` } })
  const { length } = await part.bytes()
  if (length !== size - start) client.problems.push(`${audio}: ${length} of ${size - start} bytes`)
  for (const query of ['limit=5', 'q=library+river', 'status=completed']) {
    await (await send(client, { path: `/api/transcriptions?${query}` })).text()
  }
}

/** OpenAI's API. It keeps nothing, so the entry counts as deleted. */
export function openaiRequest(client: Client) {
  const { filename, recording } = pickUpload(client, 'clip', 'deleted')
  const format = pick(client, [
    { stream: 'true' },
    { response_format: 'verbose_json' },
    { response_format: 'srt' },
  ])
  const body = formOf(filename, recording.audio, { model: 'whisper-1', ...format }, 'file')
  return { method: 'POST', path: '/v1/audio/transcriptions', body }
}

export const openai: Action = async (client) => {
  await (await send(client, openaiRequest(client))).text()
}
