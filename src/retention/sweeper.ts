import { type Sweep, type Swept, sweep } from './sweep.ts'

const HOUR_MS = 3_600_000

export type Sweeper = {
  /** Resolves when the running sweep has ended. */
  stop(): Promise<void>
}

/** Sweeps at once and then every hour. */
export function startSweeper({
  soleOwner,
  alongside,
  ...options
}: Omit<Sweep, 'signal'> & {
  /** No other process writes to this storage, so that every unfinished file in it is abandoned. */
  soleOwner: boolean
  /** Further hourly work. */
  alongside: () => Promise<void>
}): Sweeper {
  const stopping = new AbortController()
  const { signal } = stopping
  const startedAt = new Date()

  async function run(leftBefore?: Date) {
    const summary = summarize(await sweep({ ...options, signal }, leftBefore))
    if (summary) options.log(summary)
    await alongside().catch((error) =>
      options.log('the hourly clean-up failed; it is repeated within the hour', error),
    )
  }

  let running = run(soleOwner ? startedAt : undefined)
  const timer = setInterval(() => {
    running = running.then(() => run())
  }, HOUR_MS)

  return {
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await running
    },
  }
}

function summarize({ expired, uploads, orphans, abandoned }: Swept): string | null {
  const removed = [
    expired && `audio past RETENTION_DAYS (${expired})`,
    uploads && `expired resumable uploads (${uploads})`,
    orphans && `folders without a row (${orphans})`,
    abandoned && `half-written uploads (${abandoned})`,
  ].filter(Boolean)
  return removed.length > 0 ? `removed from the storage: ${removed.join(', ')}` : null
}
