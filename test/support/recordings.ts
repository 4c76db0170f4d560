import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'

/** The text of `speech.*` lasts this long in every format. */
export const SPEECH_SECONDS = 7.1

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

/** A new temporary folder; `await using` removes it. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'verbatim-media-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Far more milliseconds than `work` takes on this machine under its current load. */
export async function amplyAbove(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return 1_000 + 5 * (performance.now() - begun)
}

/** Writes a sparse wav of silence of any length, which takes no disk space. */
export async function writeSilence(path: string, seconds: number): Promise<void> {
  const header = wavOf(new Uint8Array())
  const view = new DataView(header.buffer)
  const bytes = seconds * BYTES_PER_SECOND
  view.setUint32(4, header.length - 8 + bytes, true)
  view.setUint32(40, bytes, true)
  const file = await open(path, 'w')
  await file.write(header)
  await file.truncate(header.length + bytes)
  await file.close()
}

/** A wav of two channels, each from pcm of the same length. */
export function stereoWav(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  const pcm = new Uint8Array(left.length + right.length)
  for (let at = 0; at < left.length; at += BYTES_PER_SAMPLE) {
    pcm.set(left.subarray(at, at + BYTES_PER_SAMPLE), 2 * at)
    pcm.set(right.subarray(at, at + BYTES_PER_SAMPLE), 2 * at + BYTES_PER_SAMPLE)
  }
  const wav = wavOf(pcm)
  const header = new DataView(wav.buffer)
  header.setUint16(22, 2, true)
  header.setUint32(28, 2 * BYTES_PER_SECOND, true)
  header.setUint16(32, 2 * BYTES_PER_SAMPLE, true)
  return wav
}
