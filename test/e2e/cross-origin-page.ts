import OpenAI from 'openai'
import { Upload } from 'tus-js-client'

/** What the script of a web page does with an API of another origin. Runs in a browser. */
const script = { useFetch, followEvents, play, useTus, useOpenai }

declare global {
  var apiScript: typeof script
}
globalThis.apiScript = script

type Api = { url: string; key: string }

async function speech(): Promise<File> {
  return new File([await (await fetch('/speech.mp3')).blob()], 'speech.mp3')
}

async function useFetch({ url, key }: Api) {
  const headers = { Authorization: `Bearer ${key}` }
  const form = new FormData()
  form.set('audio', await speech())
  const uploaded = await fetch(`${url}/api/transcribe`, {
    method: 'POST',
    headers: { ...headers, 'Idempotency-Key': crypto.randomUUID(), Prefer: 'wait=0' },
    body: form,
  })
  const answer: { transcription_id: string } | { id: string } = await uploaded.json()
  // Even without waiting, the transcription can be completed by now: then the answer is its status.
  const id = 'id' in answer ? answer.id : answer.transcription_id
  const path = `${url}/api/transcriptions/${id}`
  const read = await fetch(path, { headers })
  const status: { audio_file: string; events: string } = await read.json()
  const segments = await followEvents(status.events)
  const transcript = await fetch(`${path}/transcript?format=txt`, { headers })
  const range = await fetch(status.audio_file, { headers: { Range: 'bytes=0-9' } })
  const refused = await fetch(path, { headers: { Authorization: 'Bearer invalid' } })
  const unknown = await fetch(`${url}/nowhere`, { headers })
  return {
    segments,
    transcript: await transcript.text(),
    duration: await play(status.audio_file),
    contentRange: range.headers.get('content-range'),
    quota: read.headers.get('ratelimit-policy'),
    errors: [(await refused.json()).code, (await unknown.json()).code],
    deleted: (await fetch(path, { method: 'DELETE', headers })).status,
  }
}

/** The texts of the segments in the stream. Rejects if the browser cannot open it. */
function followEvents(link: string): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const source = new EventSource(link)
  const texts: string[] = []
  source.addEventListener('segments', ({ data }) => {
    const { segments }: { segments: { text: string }[] } = JSON.parse(data)
    texts.push(...segments.map(({ text }) => text))
  })
  source.addEventListener('status', ({ data }) => {
    if (JSON.parse(data).status !== 'completed') return
    source.close()
    resolve(texts)
  })
  source.addEventListener('error', () => {
    source.close()
    reject(new Error('EventSource failed'))
  })
  return promise
}

/** The duration that an audio element reads. It needs no CORS. */
function play(link: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const audio = new Audio(link)
  audio.addEventListener('loadedmetadata', () => resolve(audio.duration))
  audio.addEventListener('error', () => reject(new Error(audio.error?.message)))
  audio.load()
  return promise
}

async function useTus({ url, key }: Api) {
  const file = await speech()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const methods: string[] = []
  let transcriptionId: string | undefined
  new Upload(file, {
    endpoint: `${url}/api/uploads`,
    headers: { Authorization: `Bearer ${key}` },
    metadata: { filename: file.name },
    chunkSize: Math.ceil(file.size / 2),
    retryDelays: [],
    storeFingerprintForResuming: false,
    onAfterResponse(request, response) {
      methods.push(request.getMethod())
      transcriptionId = response.getHeader('Transcription-Id')
    },
    onSuccess: () => resolve(),
    onError: reject,
  }).start()
  await promise
  return { methods, transcriptionId }
}

async function useOpenai({ url, key }: Api) {
  const openai = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: key,
    dangerouslyAllowBrowser: true,
    maxRetries: 0,
  })
  const file = await speech()
  const { text } = await openai.audio.transcriptions.create({ file, model: 'whisper-1' })
  let streamed = ''
  for await (const event of await openai.audio.transcriptions.create({
    file,
    model: 'whisper-1',
    stream: true,
  })) {
    if (event.type === 'transcript.text.done') streamed = event.text
  }
  const error = await openai.models.retrieve('none').catch((error: unknown) => error)
  return { text, streamed, error: error instanceof OpenAI.NotFoundError ? error.code : String(error) }
}
