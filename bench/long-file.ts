// One long recording through the whole service: how long it takes, what memory each process peaks at, and how quickly
// the status is answered meanwhile.
//
//   bun bench/long-file.ts [HOURS=1] [AUDIO=test/fixtures/speech.wav]      AUDIO: wav, 16 kHz, mono, 16 bit; looped
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { wavOf } from '../src/media/wav.ts'
import { signUp } from '../test/e2e/client.ts'
import { startService, withFolder } from '../test/e2e/service.ts'
import { ROOT } from '../test/sidecar-dir.ts'

const HOURS = Number(process.argv[2] ?? 1)
const AUDIO = process.argv[3] ?? join(ROOT, 'test/fixtures/speech.wav')
const PAUSE_BYTES = 32_000

async function looped(): Promise<Blob> {
  const pcm = (await readFile(AUDIO)).subarray(44)
  const once = pcm.length + PAUSE_BYTES
  const times = Math.ceil((HOURS * 3600 * 32_000) / once)
  const whole = new Uint8Array(times * once)
  for (let at = 0; at < whole.length; at += once) whole.set(pcm, at)
  return new Blob([wavOf(whole)])
}

/** Peak resident memory, in MB, of a process and of those it started (Linux). */
async function peaks(pid: number): Promise<{ name: string; mb: number }[]> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? ''
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const below = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => peaks(Number(child))),
  )
  return [{ name: field('Name'), mb: Math.round(Number(field('VmHWM')) / 1024) }, ...below.flat()]
}

await withFolder(async (folder) => {
  const audio = await looped()
  const service = await startService({ DATA_DIR: folder })
  await service.ready
  const rest = await peaks(service.pid)
  const user = await signUp(service.url)

  const begun = performance.now()
  const seconds = () => ((performance.now() - begun) / 1000).toFixed(1)
  const id = await user.upload(audio, { language: 'en' })
  console.log(`uploaded ${(audio.size / 2 ** 20).toFixed(0)} MiB in ${seconds()} s`)
  const latencies: number[] = []
  let first: string | null = null
  for (;;) {
    const asked = performance.now()
    const { status, progress, failure } = await user.status(id)
    latencies.push(performance.now() - asked)
    if (progress > 0) first ??= seconds()
    if (status === 'failed') throw new Error(failure?.error)
    if (status === 'completed') break
    await Bun.sleep(50)
  }
  const took = Number(seconds())
  latencies.sort((a, b) => a - b)
  const at = (share: number) => `${latencies[Math.floor((latencies.length - 1) * share)]?.toFixed(1)} ms`
  console.log(
    `completed in ${took} s (${((HOURS * 3600) / took).toFixed(0)} times real time), first span at ${first} s`,
  )
  console.log(`status reads: ${latencies.length}, median ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)}`)
  console.log('| process | peak at rest, MB | peak, MB |\n| --- | --- | --- |')
  for (const [index, { name, mb }] of (await peaks(service.pid)).entries()) {
    console.log(`| ${name} | ${rest[index]?.mb} | ${mb} |`)
  }
  await service.kill('SIGTERM')
})
