import { type Sweep, type Swept, sweep } from './sweep.ts'

const HOUR_MS = 3_600_000

export type Sweeper = {
  /** Resolves once nothing is being swept any more. */
  stop(): Promise<void>
}

/** Sweeps now and then every hour. */
export function startSweeper({
  soleOwner,
  alongside,
  ...options
}: Omit<Sweep, 'signal'> & {
  /** Nobody else writes to this store, and this process has not begun to: what lies there half done was left. */
  soleOwner: boolean
  /** What else is to be done every hour. */
  alongside: () => Promise<void>
}): Sweeper {
  const stopping = new AbortController()
  const { signal } = stopping
  const startedAt = new Date()

  async function round(leftBefore?: Date) {
    const told = tell(await sweep({ ...options, signal }, leftBefore))
    if (told) options.log(told)
    await alongside().catch((error) =>
      options.log('sweeping failed; it is tried again within the hour', error),
    )
  }

  let running = round(soleOwner ? startedAt : undefined)
  const timer = setInterval(() => {
    running = running.then(() => round())
  }, HOUR_MS)

  return {
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await running
    },
  }
}

function tell({ expired, uploads, orphans, abandoned }: Swept): string | null {
  const parts = [
    expired && `audio past RETENTION_DAYS (${expired})`,
    uploads && `expired resumable uploads (${uploads})`,
    orphans && `folders without a row (${orphans})`,
    abandoned && `half-written uploads (${abandoned})`,
  ].filter(Boolean)
  return parts.length > 0 ? `removed from the storage: ${parts.join(', ')}` : null
}
