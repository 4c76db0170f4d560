import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cpuSeconds } from '../shared/cpu.ts'
import { residentBytes } from '../shared/resident-memory.ts'
import type { Sending, Sent } from './protocol.ts'
import type { Subject } from './subjects.ts'

const SAMPLE_EVERY_MS = 20
const SETTLE_MS = 3_000

export type Measured = {
  subject: string
  /** Bytes of audio over the time from the first byte sent to the answer. */
  bytesPerSecond: number
  /** Processor time of the server's process meanwhile. */
  cpuSeconds: number
  /** Resident memory: when it had just started, when it was warm and at rest, at most until all was sent, at most until the answer. */
  memory: { startBytes: number; idleBytes: number; sendingBytes: number; peakBytes: number }
}

/** Starts `subject`, sends one upload of `bytes` to it and ends it at the answer, before what it does next can disturb. */
export async function measure({
  subject,
  bytes,
  folder,
}: {
  subject: Subject
  bytes: number
  folder: string
}): Promise<Measured> {
  await mkdir(folder, { recursive: true })
  const running = await subject.start(folder)
  try {
    await Bun.sleep(SETTLE_MS)
    const startBytes = residentBytes(running.pid)
    await running.warm()
    await Bun.sleep(SETTLE_MS)
    const idleBytes = residentBytes(running.pid)
    await fillCache({ path: join(folder, 'filler'), bytes })
    const samples: { at: number; bytes: number }[] = []
    const take = () => samples.push({ at: Date.now(), bytes: residentBytes(running.pid) })
    const sampler = setInterval(take, SAMPLE_EVERY_MS)
    const cpuBefore = cpuSeconds(running.pid)
    const sent = await send({ url: running.url, way: subject.way, token: running.token, bytes })
    const cpuAfter = cpuSeconds(running.pid)
    take()
    clearInterval(sampler)
    if (sent.status !== 202) throw new Error(`${subject.name} answers ${sent.status}: ${sent.answer}`)
    const peakUntil = (end: number) =>
      Math.max(...samples.filter(({ at }) => at <= end).map(({ bytes }) => bytes))
    return {
      subject: subject.name,
      bytesPerSecond: bytes / ((sent.answeredAt - sent.begunAt) / 1000),
      cpuSeconds: cpuAfter - cpuBefore,
      memory: {
        startBytes,
        idleBytes,
        sendingBytes: peakUntil(sent.sentAt),
        peakBytes: peakUntil(Date.now()),
      },
    }
  } finally {
    await running.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Writes as much as is going to be written, and removes it, so that all that are compared find as much memory in hand: a
 * virtual machine may get what it has not touched for seconds only while it is written to, at a fifth of the rate.
 */
async function fillCache({ path, bytes }: { path: string; bytes: number }): Promise<void> {
  const block = new Uint8Array(2 ** 20)
  const file = await open(path, 'w')
  for (let left = bytes; left > 0; left -= block.length) await file.write(block)
  await file.close()
  // What was written before must not be on its way to the disk still.
  await Bun.spawn(['sync']).exited
  await rm(path)
}

async function send(sending: Sending): Promise<Sent> {
  const client = Bun.spawn([process.execPath, join(import.meta.dir, 'client.ts'), JSON.stringify(sending)], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const said = await new Response(client.stdout).text()
  if ((await client.exited) !== 0) throw new Error('the client could not send')
  return JSON.parse(said)
}
