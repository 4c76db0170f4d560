import { cpuSeconds } from '../shared/cpu.ts'

export type Subject = {
  name: string
  /** Processes that do the work, by what they are called; their processor time is counted. */
  processes: Record<string, number>
  work: () => Promise<string[]>
}

export type Run = { subject: string; seconds: number; cpu: Record<string, number>; texts: string[] }

/** Every subject once a round, another one first each time; of the `candidates` only the fastest goes on after the first. */
export async function byTurns({
  subjects,
  candidates,
  runs,
  note,
}: {
  subjects: Subject[]
  candidates: string[]
  runs: number
  note: (run: Run) => void
}): Promise<{ rounds: Run[][]; baseline: string }> {
  const rounds: Run[][] = []
  let baseline = ''
  let running = subjects
  for (let number = 0; number < runs; number++) {
    const shift = number % running.length
    const round: Run[] = []
    for (const subject of [...running.slice(shift), ...running.slice(0, shift)]) {
      const run = await measured(subject)
      note(run)
      round.push(run)
    }
    rounds.push(round)
    if (number === 0) {
      const fastest = round
        .filter(({ subject }) => candidates.includes(subject))
        .toSorted((a, b) => a.seconds - b.seconds)
      baseline = fastest[0]?.subject ?? ''
      running = subjects.filter(({ name }) => name === baseline || !candidates.includes(name))
    }
  }
  return { rounds, baseline }
}

async function measured({ name, processes, work }: Subject): Promise<Run> {
  const pids = Object.entries(processes)
  const before = pids.map(([, pid]) => cpuSeconds(pid))
  const begun = performance.now()
  const texts = await work()
  const seconds = (performance.now() - begun) / 1000
  const cpu = pids.map(([process, pid], index) => [process, cpuSeconds(pid) - (before[index] ?? 0)])
  return { subject: name, seconds, cpu: Object.fromEntries(cpu), texts }
}
