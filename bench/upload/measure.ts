import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cpuSeconds, residentBytes } from '../shared/processes.ts'
import { runScript } from '../shared/scripts.ts'
import type { Sent, Upload } from './client.ts'
import type { UploadServer } from './servers.ts'

const SAMPLE_EVERY_MS = 20
const SETTLE_MS = 3_000

/**
 * Rates are bytes of audio over the time from the first byte to the answer; the rest is of the server's
 * process.
 */
export type Measured = { bytesPerSecond: number; cpuSeconds: number; idleBytes: number; peakBytes: number }

/**
 * Starts a server, sends it one upload, and kills it at the answer, so that its later work does not affect
 * the next one.
 */
export async function measure({
  start,
  folder,
  bytes,
}: {
  start: () => Promise<UploadServer>
  folder: string
  bytes: number
}): Promise<Measured> {
  await mkdir(folder, { recursive: true })
  const server = await start()
  try {
    await server.warmUp()
    await Bun.sleep(SETTLE_MS)
    const idleBytes = residentBytes(server.pid)
    await touchPageCache({ path: join(folder, 'filler'), bytes })
    let peakBytes = 0
    const sample = () => {
      peakBytes = Math.max(peakBytes, residentBytes(server.pid))
    }
    const sampling = setInterval(sample, SAMPLE_EVERY_MS)
    const cpuBefore = cpuSeconds(server.pid)
    const { url, format, token } = server
    const input: Upload = { url, format, token, bytes }
    const sent = await runScript<Sent>(join(import.meta.dir, 'client.ts'), input)
    const cpuAfter = cpuSeconds(server.pid)
    clearInterval(sampling)
    sample()
    if (sent.status !== 202) throw new Error(`${url} answers ${sent.status}: ${sent.answer}`)
    return {
      bytesPerSecond: bytes / (sent.milliseconds / 1000),
      cpuSeconds: cpuAfter - cpuBefore,
      idleBytes,
      peakBytes,
    }
  } finally {
    await server.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Writes and removes as many bytes as the upload will write: a virtual machine may get memory that it has not
 * used for a while only as it writes, which slows the first server to a fifth of the rate.
 */
async function touchPageCache({ path, bytes }: { path: string; bytes: number }): Promise<void> {
  const block = new Uint8Array(2 ** 20)
  const file = await open(path, 'w')
  for (let left = bytes; left > 0; left -= block.length) await file.write(block)
  await file.close()
  await Bun.spawn(['sync']).exited
  await rm(path)
}
