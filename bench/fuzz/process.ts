import { join } from 'node:path'
import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { residentBytes } from '../shared/resident-memory.ts'
import type { Job, Line } from './protocol.ts'

const SAMPLE_EVERY_MS = 20
/** Over the time that one case can take. */
const SILENCE_SLACK_MS = 30_000

/**
 * Runs a player in a process of its own: `onLine` hears what it says, `onMemory` its resident bytes every 20 ms.
 * Gives null when it ended well, else how it ended: it died, or said nothing for so long that it was killed.
 */
export async function playInProcess({
  job,
  cwd,
  tmp,
  onLine,
  onMemory,
}: {
  job: Job
  cwd: string
  tmp: string
  onLine: (line: Line) => void
  onMemory: (bytes: number) => void
}): Promise<string | null> {
  const player = Bun.spawn([process.execPath, join(import.meta.dir, 'player.ts'), JSON.stringify(job)], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: tmp },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const { probeMs, decodeMs } = job.deadlines
  const silenceMs = 4 * (probeMs + decodeMs) + SILENCE_SLACK_MS
  let heardAt = performance.now()
  let silent = false
  const sampler = setInterval(() => {
    onMemory(residentBytes(player.pid))
    if (performance.now() - heardAt < silenceMs) return
    silent = true
    player.kill('SIGKILL')
  }, SAMPLE_EVERY_MS)
  try {
    for await (const line of linesOf(player.stdout)) {
      heardAt = performance.now()
      onLine(JSON.parse(line))
    }
    const code = await player.exited
    if (silent) return `the process said nothing for ${silenceMs} ms`
    return code === 0 ? null : `the process died: ${player.signalCode ?? code}`
  } finally {
    clearInterval(sampler)
    player.kill('SIGKILL')
    await player.exited
  }
}
