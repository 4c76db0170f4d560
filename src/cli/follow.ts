import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, isFinished, type Status } from './client.ts'
import { Failure, isTemporary } from './failure.ts'

/** How long a server may be away, such as for a restart. */
const PATIENCE_MS = 5 * 60_000
const DELAY_MS = { first: 500, most: 10_000 }

export type Progress = {
  onStatus: (status: Status) => void
  /** `data`: the JSON of a `segments` or `speakers` event. */
  onEvent?: (event: string, data: object) => void
}

/**
 * Follows a transcription until it has finished, and returns its last status. Each round opens the event stream after
 * the last event; when the stream ends, it reads the status. Where a proxy blocks streams, that polls.
 */
export async function follow(
  client: Client,
  { id, signal, ...progress }: Progress & { id: string; signal: AbortSignal },
): Promise<Status> {
  let lastId: string | undefined
  let failures = 0
  let answeredAt = performance.now()
  const onAnswer = () => {
    answeredAt = performance.now()
  }

  async function readStream(): Promise<Status | null> {
    for await (const event of client.events(id, lastId)) {
      failures = 0
      onAnswer()
      lastId = event.id ?? lastId
      if (event.event === 'removed') throw new Failure('removed', `The transcription ${id} was deleted`)
      if (event.event === 'status') {
        const status: Status = JSON.parse(event.data)
        progress.onStatus(status)
        if (isFinished(status)) return status
      } else if (event.event !== 'error') {
        progress.onEvent?.(event.event, JSON.parse(event.data))
      }
    }
    return null
  }

  async function readStatus(): Promise<Status> {
    const status = await client.status(id)
    onAnswer()
    progress.onStatus(status)
    return status
  }

  const ignoreTemporary = (error: unknown) => {
    signal.throwIfAborted()
    if (!isTemporary(error) || performance.now() - answeredAt > PATIENCE_MS) throw error
    return null
  }
  for (;;) {
    const status = (await readStream().catch(ignoreTemporary)) ?? (await readStatus().catch(ignoreTemporary))
    if (status && isFinished(status)) return status
    await sleep(Math.min(DELAY_MS.first * 2 ** failures++, DELAY_MS.most), undefined, { signal })
  }
}

/** Repeats a request while its error is temporary. */
export async function persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const begunAt = performance.now()
  for (let delay = DELAY_MS.first; ; delay = Math.min(delay * 2, DELAY_MS.most)) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      if (!isTemporary(error) || performance.now() - begunAt > PATIENCE_MS) throw error
    }
    await sleep(delay, undefined, { signal })
  }
}
