import { join } from 'node:path'
import { ROOT } from '../support/sidecar-dir.ts'

/** The clip repeated with pauses: minutes of speech, so several spans. */
export async function longRecording(repeats: number, pauseSeconds = 1): Promise<Blob> {
  const clip = await Bun.file(join(ROOT, 'test/fixtures/speech.wav')).bytes()
  const pcm = clip.slice(44)
  const pause = new Uint8Array(pauseSeconds * 32_000)
  const body = Array.from({ length: repeats }, () => [pcm, pause]).flat()
  const header = clip.slice(0, 44)
  const length = body.reduce((sum, part) => sum + part.length, 0)
  const view = new DataView(header.buffer)
  view.setUint32(4, 36 + length, true)
  view.setUint32(40, length, true)
  return new Blob([header, ...body])
}
