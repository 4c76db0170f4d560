import { dirname, join } from 'node:path'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { fixture } from '../../test/support/recordings.ts'

/** `language` is a code of the API. */
export type Clip = { audio: Blob; seconds: number; language: string }

const SHORTEST = 3
const LONGEST = 14
const WAV_HEAD_BYTES = 44

type Entry = { file: string; language?: string; seconds?: number }

/** Clips of 3 to 14 s: recordings of the manifest, evenly spread over it, or cuts of the fixture. */
export async function readClips({ manifest, count }: { manifest: string; count: number }): Promise<Clip[]> {
  if (!manifest) return cutFixture(count)
  const entries: Entry[] = await Bun.file(manifest).json()
  const fitting = entries.flatMap(({ file, language, seconds }) =>
    language && seconds && seconds >= SHORTEST && seconds <= LONGEST
      ? [{ audio: Bun.file(join(dirname(manifest), file)), seconds, language }]
      : [],
  )
  if (fitting.length < count) throw new Error(`${manifest} has ${fitting.length} clips of 3 to 14 s`)
  return Array.from(
    { length: count },
    (_, at) => fitting[Math.floor((at * fitting.length) / count)] ?? [],
  ).flat()
}

/** The sentence of the fixture repeated, cut to lengths that are evenly spread. */
async function cutFixture(count: number): Promise<Clip[]> {
  const pcm = (await Bun.file(fixture('speech.wav')).bytes()).subarray(WAV_HEAD_BYTES)
  const repeated = Buffer.concat([pcm, pcm, pcm])
  return Array.from({ length: count }, (_, at) => {
    const seconds = SHORTEST + ((LONGEST - SHORTEST) * at) / Math.max(1, count - 1)
    const samples = Math.round((seconds * BYTES_PER_SECOND) / 2)
    const audio = new Blob([wavOf(new Uint8Array(repeated.subarray(0, 2 * samples)))])
    return { audio, seconds, language: 'en' }
  })
}
