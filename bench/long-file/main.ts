// Measures one long recording through the whole service: times, the latency of status reads, and the peak
// memory of each process.
//
//   bun bench/long-file/main.ts [--hours 1]                     a wav of 16 kHz, mono, 16 bit
//   bun bench/long-file/main.ts --mp3 --hours 3
//   bun bench/long-file/main.ts --gb 2.5 [--simulated 0.1]      a wav of 44.1 kHz, stereo, 16 bit
//
// simulated: uses no real sidecar, but a simulated one that takes this many seconds per span
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { longRecording } from '../../test/e2e/recording.ts'
import { signUp } from '../../test/support/client.ts'
import { temporaryFolder } from '../../test/support/recordings.ts'
import { startService } from '../../test/support/service.ts'
import { withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { peakBytes, residentBytes, treeOf } from '../shared/processes.ts'
import { writeMp3, writeWav } from '../shared/recordings.ts'
import { simulatedSidecar } from '../shared/simulated-sidecar.ts'
import { markdownTable, percentile } from '../shared/tables.ts'

const { hours, mp3, gb, simulated } = readOptions({ hours: 1, mp3: false, gb: 0, simulated: 0 })
/** The duration of the clip and the pause that `longRecording` repeats. */
const REPEAT_SECONDS = 8.1
const POLL_MS = 50

async function writeRecording(path: string): Promise<void> {
  if (gb > 0) return writeWav(path, gb * 1e9)
  if (mp3) return writeMp3(path, hours * 3600)
  await Bun.write(path, await longRecording(Math.ceil((hours * 3600) / REPEAT_SECONDS)))
}

/** Polls the status until the transcription is completed. */
async function follow(user: Awaited<ReturnType<typeof signUp>>, id: string, seconds: () => number) {
  const latencies: number[] = []
  let firstSpan = Number.NaN
  for (;;) {
    const start = performance.now()
    const { status, progress, duration, failure } = await user.status(id)
    latencies.push(performance.now() - start)
    if (progress > 0 && Number.isNaN(firstSpan)) firstSpan = seconds()
    if (status === 'failed') throw new Error(failure?.error)
    if (status === 'completed') return { latencies, firstSpan, completed: seconds(), duration: duration ?? 0 }
    await Bun.sleep(POLL_MS)
  }
}

await withCleanup(async (defer) => {
  const folder = await temporaryFolder()
  defer(() => folder[Symbol.asyncDispose]())
  const recording = Bun.file(join(folder.path, 'recording'))
  await writeRecording(join(folder.path, 'recording'))
  const { size } = await recording.stat()
  const sidecar = simulated > 0 ? simulatedSidecar({ answerMs: simulated * 1000 }) : null
  defer(() => sidecar?.stop(true))
  const service = await startService({
    DATA_DIR: join(folder.path, 'data'),
    MAX_UPLOAD_BYTES: String(size),
    SIDECAR_URL: sidecar ? `http://127.0.0.1:${sidecar.port}` : '',
  })
  defer(() => service.kill('SIGTERM'))
  await service.ready
  const user = await signUp(service.url)
  const processes = await treeOf(service.pid)
  const idle = processes.map(residentBytes)
  // The first start, which creates the database, takes more memory than anything after it: reset the peaks.
  for (const pid of processes) await writeFile(`/proc/${pid}/clear_refs`, '5')

  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  // A raw body: a form would be assembled in the memory of this process.
  const answer = await fetch(`${service.url}/api/transcribe?language=en`, {
    method: 'PUT',
    headers: user.headers,
    body: recording,
  })
  if (answer.status !== 202) throw new Error(`upload ${answer.status}: ${await answer.text()}`)
  const { transcription_id: id }: { transcription_id: string } = await answer.json()
  const accepted = seconds()
  const { latencies, firstSpan, completed, duration } = await follow(user, id, seconds)
  const latency = (share: number) => `${percentile(latencies, share).toFixed(1)} ms`
  console.log(`${(size / 1e6).toFixed(0)} MB, ${(duration / 3600).toFixed(2)} hours`)
  console.log(`accepted after ${accepted.toFixed(1)} s, first span done after ${firstSpan.toFixed(1)} s`)
  console.log(
    `completed after ${completed.toFixed(1)} s: ${(duration / completed).toFixed(0)} times real time`,
  )
  console.log(
    `${latencies.length} status reads: median ${latency(0.5)}, p95 ${latency(0.95)}, max ${latency(1)}`,
  )
  const rows = processes.map((pid, index) => {
    const name = pid === service.pid ? 'service' : `child process ${index}`
    return [name, (idle[index] ?? 0) / 1e6, peakBytes(pid) / 1e6]
  })
  console.log(markdownTable(['process', 'idle, MB', 'peak, MB'], rows))
})
