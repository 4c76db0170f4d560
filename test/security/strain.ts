import { readFile, writeFile } from 'node:fs/promises'

const PROBE_EVERY_MS = 50
const KIB_PER_MB = 1000 / 1.024

/** The load of one request on a running service. */
export type Strain = {
  /** The longest response time of `/health/live`, in milliseconds. */
  delayMs: number
  /** The growth of resident memory at its peak, in MB (Linux only, else 0). */
  grownMb: number
}

/** Runs `work` while `/health/live` is polled every 50 ms. */
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
      if (!answer.ok) throw new Error(`${url} returned ${answer.status}`)
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

/** Resets the peak of resident memory, and returns the current value in MB. */
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
