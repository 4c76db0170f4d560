import { readFile, writeFile } from 'node:fs/promises'

const PROBE_EVERY_MS = 50
const KIB_PER_MB = 1000 / 1.024

/** What a piece of work cost a running service. */
export type Strain = {
  /** The longest that `/health/live` took to answer, in milliseconds. */
  delayMs: number
  /** By how much the resident memory rose at its peak, in MB (Linux only, else 0). */
  grownMb: number
}

/** Sends `work` to a service while `/health/live` is asked every 50 ms. */
export async function strainOf<T>(
  { url, pid }: { url: string; pid: number },
  work: () => Promise<T>,
): Promise<Strain & { result: T }> {
  const before = await restartPeak(pid)
  const probe = startProbe(`${url}/health/live`)
  try {
    const result = await work()
    const delayMs = await probe.stop()
    return { result, delayMs, grownMb: Math.max(0, (await peakOf(pid)) - before) }
  } finally {
    await probe.stop()
  }
}

function startProbe(url: string) {
  let isOn = true
  let delayMs = 0
  const ended = run()

  async function run() {
    while (isOn) {
      const begun = performance.now()
      const answer = await fetch(url)
      await answer.text()
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
      delayMs = Math.max(delayMs, performance.now() - begun)
      await Bun.sleep(Math.max(0, PROBE_EVERY_MS - (performance.now() - begun)))
    }
  }

  return {
    async stop(): Promise<number> {
      isOn = false
      await ended
      return delayMs
    },
  }
}

/** Sets the peak of the resident memory to what it is now, and returns that in MB. */
async function restartPeak(pid: number): Promise<number> {
  if (process.platform !== 'linux') return 0
  // proc(5): 5 resets VmHWM.
  await writeFile(`/proc/${pid}/clear_refs`, '5')
  return statusOf(pid, 'VmRSS')
}

async function peakOf(pid: number): Promise<number> {
  return process.platform === 'linux' ? statusOf(pid, 'VmHWM') : 0
}

async function statusOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    await readFile(`/proc/${pid}/status`, 'utf8'),
  )?.[1]
  return Number(kib) / KIB_PER_MB
}
