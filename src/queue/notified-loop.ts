import type { OpenDatabase } from '../db/database.ts'
import { type PollLoop, startPollLoop } from './poll-loop.ts'

/**
 * Starts a poll loop that also runs now, whenever `channel` is notified, and after a lost connection, which
 * may have lost notifications. Since another process may be faster, `pass` must expect to find nothing.
 */
export async function startNotifiedLoop({
  listen,
  channel,
  ...options
}: Parameters<typeof startPollLoop>[0] & {
  listen: OpenDatabase['listen']
  channel: string
}): Promise<Pick<PollLoop, 'stop'>> {
  const loop = startPollLoop(options)
  await listen(channel, { hear: loop.wake, missed: loop.wake })
  loop.wake()
  return loop
}
