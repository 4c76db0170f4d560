// One long recording through the whole service: how long it takes, what memory each process peaks at, and how quickly
// the status is answered meanwhile.
//
//   bun bench/long-file/main.ts [--hours 1] [--audio test/fixtures/speech.wav]      a wav; AUDIO (16 kHz, mono, 16 bit) is looped
//   bun bench/long-file/main.ts --mp3 [--hours 3]
//   bun bench/long-file/main.ts --gb 2.5 [--simulated 0.1]                          a wav of 44.1 kHz in stereo
//
// With --simulated there is no sidecar but one that takes so many seconds for a span and says a word.
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { wavOf } from '../../src/media/wav.ts'
import { signUp } from '../../test/e2e/client.ts'
import { startService, withFolder } from '../../test/e2e/service.ts'
import { ROOT } from '../../test/sidecar-dir.ts'
import { writeMp3, writeWav } from '../shared/recordings.ts'
import { simulatedSidecar } from '../shared/simulated-sidecar.ts'

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '1' },
    audio: { type: 'string', default: join(ROOT, 'test/fixtures/speech.wav') },
    mp3: { type: 'boolean', default: false },
    gb: { type: 'string' },
    simulated: { type: 'string' },
  },
})
const PAUSE_BYTES = 32_000
const POLL_MS = 50

async function writeRecording(path: string): Promise<void> {
  const seconds = Number(values.hours) * 3600
  if (values.gb) return writeWav(path, Number(values.gb) * 1e9)
  if (values.mp3) return writeMp3(path, seconds)
  const pcm = (await readFile(values.audio)).subarray(44)
  const once = pcm.length + PAUSE_BYTES
  const times = Math.ceil((seconds * 32_000) / once)
  const whole = new Uint8Array(times * once)
  for (let at = 0; at < whole.length; at += once) whole.set(pcm, at)
  await Bun.write(path, wavOf(whole))
}

/** Resident memory, in MB, of a process and of those it started, now and at most since `forgetPeaks` (Linux). */
async function memory(pid: number): Promise<{ pid: number; name: string; nowMb: number; peakMb: number }[]> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? ''
  const mb = (name: string) => Math.round(Number(field(name)) / 1024)
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const below = children.split(' ').filter(Boolean)
  return [
    { pid, name: field('Name'), nowMb: mb('VmRSS'), peakMb: mb('VmHWM') },
    ...(await Promise.all(below.map((child) => memory(Number(child))))).flat(),
  ]
}

/** A first start takes more, while the database is set up, than anything that follows. */
async function forgetPeaks(pids: number[]): Promise<void> {
  for (const pid of pids) await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => {})
}

await withFolder(async (folder) => {
  const recording = join(folder, 'recording')
  await writeRecording(recording)
  const { size } = await stat(recording)
  const sidecar = values.simulated && simulatedSidecar({ answerMs: Number(values.simulated) * 1000 })
  const service = await startService({
    ...{ DATA_DIR: join(folder, 'data'), MAX_UPLOAD_BYTES: String(size) },
    ...(sidecar && { SIDECAR_URL: `http://127.0.0.1:${sidecar.port}` }),
  })
  await service.ready
  const user = await signUp(service.url)
  const rest = await memory(service.pid)
  await forgetPeaks(rest.map(({ pid }) => pid))

  const begun = performance.now()
  const seconds = () => (performance.now() - begun) / 1000
  // As the body itself: a form would be put together in this process's memory.
  const answer = await fetch(`${service.url}/api/transcribe?language=en`, {
    ...{ method: 'PUT', headers: user.headers, body: Bun.file(recording) },
  })
  if (answer.status !== 202) throw new Error(`upload ${answer.status}: ${await answer.text()}`)
  const { transcription_id: id }: { transcription_id: string } = await answer.json()
  const uploaded = seconds()
  const latencies: number[] = []
  let first: number | null = null
  for (;;) {
    const asked = performance.now()
    const { status, progress, failure } = await user.status(id)
    latencies.push(performance.now() - asked)
    if (progress > 0) first ??= seconds()
    if (status === 'failed') throw new Error(failure?.error)
    if (status === 'completed') break
    await Bun.sleep(POLL_MS)
  }
  const took = seconds()
  const { duration } = await user.status(id)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => `${latencies[Math.floor((latencies.length - 1) * share)]?.toFixed(1)} ms`
  console.log(
    [
      `${(size / 1e6).toFixed(0)} MB, ${((duration ?? 0) / 3600).toFixed(2)} hours: uploaded and accepted in ${uploaded.toFixed(1)} s`,
      `first span done at ${first?.toFixed(1)} s, completed at ${took.toFixed(1)} s (${((duration ?? 0) / took).toFixed(0)} times real time)`,
      `status reads: ${latencies.length}, median ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)}`,
    ].join('\n'),
  )
  console.log('| process | at rest, MB | peak, MB |\n| --- | ---: | ---: |')
  for (const { pid, name, peakMb } of await memory(service.pid)) {
    console.log(`| ${name} | ${rest.find((one) => one.pid === pid)?.nowMb} | ${peakMb} |`)
  }
  await service.kill('SIGTERM')
  if (sidecar) sidecar.stop(true)
})
