import type { signUp } from '../../test/e2e/client.ts'

type User = Awaited<ReturnType<typeof signUp>>

/** One recording through the service; times in ms since 1970. */
export type Passage = { id: string; text: string; sentAt: number; acceptedAt: number; completedAt: number }

/** From the first byte of an upload to the text: asked for as a client does that waits, without asking again and again. */
export async function pass(url: string, user: User, file: string): Promise<Passage> {
  const sentAt = Date.now()
  const id = await user.upload(Bun.file(file), { language: 'en' })
  const acceptedAt = Date.now()
  for (;;) {
    const answer = await fetch(`${url}/api/transcriptions/${id}/`, {
      headers: { ...user.headers, Prefer: 'wait=55' },
    })
    const { status, transcription, failure } = await answer.json()
    if (status === 'completed') {
      return { id, text: transcription, sentAt, acceptedAt, completedAt: Date.now() }
    }
    if (status !== 'queued' && status !== 'processing') throw new Error(failure?.error ?? status)
  }
}
