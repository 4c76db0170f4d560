import { type ProcessSample, processSample } from '../process-sample.ts'
import type { Deployment } from './deployments.ts'

const EVERY_MS = 500
const FIGURES = ['resident', 'proportional', 'descriptors', 'threads'] as const

/** Each process at a moment, or what it had at most over a while. */
export type Row = { moment: string; processes: Record<string, ProcessSample> }

export type Point = { seconds: number; processes: Record<string, ProcessSample> }

/** Watches the processes of a deployment. */
export function createSampler({ processes }: Deployment) {
  const begun = performance.now()
  const rows: Row[] = []
  const points: Point[] = []

  async function take(): Promise<Point['processes']> {
    const found = await Promise.all(
      Object.entries(await processes()).map(([name, pids]) =>
        processSample({ name, pids: async () => pids }),
      ),
    )
    const sample = Object.fromEntries(found.map((one) => [one.name, one]))
    points.push({ seconds: (performance.now() - begun) / 1000, processes: sample })
    return sample
  }

  return {
    rows,
    points,

    async now(moment: string): Promise<void> {
      rows.push({ moment, processes: await take() })
    },

    async rest(ms: number): Promise<void> {
      for (const until = performance.now() + ms; performance.now() < until; ) {
        await Bun.sleep(EVERY_MS)
        await take()
      }
    },

    /** What each has at most while `work` is done. */
    async during(moment: string, work: () => Promise<unknown>): Promise<void> {
      let done = false
      const working = work().finally(() => {
        done = true
      })
      let peaks = await take()
      while (!done) {
        await Promise.race([Bun.sleep(EVERY_MS), working])
        const sample = await take()
        peaks = Object.fromEntries(
          Object.entries(sample).map(([name, one]) => [name, most(peaks[name], one)]),
        )
      }
      await working
      rows.push({ moment, processes: peaks })
    },
  }
}

function most(one: ProcessSample | undefined, other: ProcessSample): ProcessSample {
  const result = { ...other }
  for (const figure of FIGURES) result[figure] = Math.max(one?.[figure] ?? 0, other[figure])
  return result
}
