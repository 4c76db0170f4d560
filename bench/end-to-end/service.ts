import { eventsIn } from '../../test/api/event-stream.ts'
import type { signUp } from '../../test/e2e/client.ts'

type User = Awaited<ReturnType<typeof signUp>>

/** One recording through the service; times in ms since 1970. */
export type Passage = {
  id: string
  text: string
  sentAt: number
  acceptedAt: number
  decodedAt: number
  completedAt: number
}

const isOver = (status: unknown) => status !== 'queued' && status !== 'processing'

/** From the first byte of an upload to the text, by a client that listens to what becomes of it. */
export async function pass(url: string, user: User, file: string): Promise<Passage> {
  const sentAt = Date.now()
  const id = await user.upload(Bun.file(file), { language: 'en' })
  const acceptedAt = Date.now()
  const { body } = await fetch(`${url}/api/transcriptions/${id}/events`, { headers: user.headers })
  if (!body) throw new Error('there are no events')
  const events = eventsIn(body)
  await events.until('status', ({ status, duration }) => duration !== null || isOver(status))
  const decodedAt = Date.now()
  await events.cancel()
  const text = await textOf(url, user, id)
  return { id, text, sentAt, acceptedAt, decodedAt, completedAt: Date.now() }
}

async function textOf(url: string, user: User, id: string): Promise<string> {
  for (;;) {
    const headers = { ...user.headers, Prefer: 'wait=55' }
    const answer = await fetch(`${url}/api/transcriptions/${id}/`, { headers })
    const { status, transcription, failure } = await answer.json()
    if (status === 'completed') return transcription
    if (isOver(status)) throw new Error(failure?.error ?? status)
  }
}
