import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND, SAMPLE_RATE } from '../../src/media/media.ts'
import { ROOT } from './sidecar-dir.ts'

/** The samples of a 16 kHz, mono, s16le WAV file under test/fixtures. */
export async function fixturePcm(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const wav = new Uint8Array(await readFile(join(ROOT, 'test', 'fixtures', name)))
  const header = new DataView(wav.buffer)
  for (let at = 12; at + 8 <= wav.length; ) {
    const id = new TextDecoder().decode(wav.subarray(at, at + 4))
    const size = header.getUint32(at + 4, true)
    if (id === 'fmt ' && header.getUint32(at + 12, true) !== SAMPLE_RATE) break
    if (id === 'data') return wav.slice(at + 8, at + 8 + size)
    at += 8 + size
  }
  throw new Error(`${name} is no 16 kHz WAV file`)
}

export function silence(seconds: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(seconds * BYTES_PER_SECOND)
}

/** Multiplies all samples by `volume`. */
export function atVolume(pcm: Uint8Array, volume: number): Uint8Array<ArrayBuffer> {
  const changed = new Uint8Array(pcm)
  const samples = new DataView(changed.buffer)
  for (let at = 0; at < changed.length; at += BYTES_PER_SAMPLE) {
    samples.setInt16(at, Math.round(samples.getInt16(at, true) * volume), true)
  }
  return changed
}

/** Plays pcm `factor` times as fast. */
export function faster(pcm: Uint8Array, factor: number): Uint8Array<ArrayBuffer> {
  const from = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength)
  const samples = Int16Array.from(
    { length: Math.floor(pcm.length / BYTES_PER_SAMPLE / factor) - 1 },
    (_, index) => {
      const at = Math.floor(index * factor)
      const [before, after] = [at, at + 1].map((sample) => from.getInt16(sample * BYTES_PER_SAMPLE, true))
      return (before ?? 0) + ((after ?? 0) - (before ?? 0)) * (index * factor - at)
    },
  )
  return new Uint8Array(samples.buffer)
}

/** The text of speech.*: the quoted line of the fixtures' README. */
export async function fixtureText(): Promise<string> {
  const readme = await readFile(join(ROOT, 'test', 'fixtures', 'README.md'), 'utf8')
  const text = /^> (.+)$/m.exec(readme)?.[1]
  if (text === undefined) throw new Error('test/fixtures/README.md quotes no text')
  return text
}
