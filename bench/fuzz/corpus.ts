import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { compileCore } from '../../src/media/ffmpeg/compiled-core.ts'
import { fixture } from '../../test/support/recordings.ts'
import { chanceOf } from '../shared/chance.ts'
import type { Sample } from './cases.ts'
import type { Encoded, EncodeOrder } from './encode-worker.ts'
import { RECIPES } from './formats.ts'

const FIXTURES = dirname(fixture('speech.wav'))
const AMR = { head: '#!AMR\n', frames: 150, mode12k2: 0x3c, payloadBytes: 31 }

/** `failed`: the samples that could not be made, with the reason. */
export type Corpus = { samples: Sample[]; failed: string[] }

/** The fixtures, further formats of them, and an AMR file. */
export async function makeCorpus(): Promise<Corpus> {
  const names = (await readdir(FIXTURES)).filter((name) => /^(speech|silent)\./.test(name)).sort()
  const fixtures = await Promise.all(
    names.map(async (name) => ({ name, bytes: new Uint8Array(await readFile(join(FIXTURES, name))) })),
  )
  const { samples, failed } = await encode(fixtures)
  return { samples: [...fixtures, ...samples, { name: 'amr', bytes: makeAmr() }], failed }
}

async function encode(inputs: Sample[]): Promise<Encoded> {
  const worker = new Worker(new URL('./encode-worker.ts', import.meta.url))
  const answer = Promise.withResolvers<Encoded>()
  worker.addEventListener('message', ({ data }: MessageEvent<Encoded>) => answer.resolve(data))
  worker.addEventListener('error', ({ message }) => answer.reject(new Error(message)))
  worker.postMessage({ module: await compileCore(), inputs, recipes: RECIPES } satisfies EncodeOrder)
  try {
    return await answer.promise
  } finally {
    worker.terminate()
  }
}

/**
 * Frames of 20 ms in AMR's best mode. There is no free AMR encoder, so the frames are noise; a decoder
 * accepts them.
 */
function makeAmr(): Uint8Array {
  const chance = chanceOf(0xa3, 0)
  const frames = Array.from({ length: AMR.frames }, () => [AMR.mode12k2, ...chance.bytes(AMR.payloadBytes)])
  return Uint8Array.from([...Buffer.from(AMR.head), ...frames.flat()])
}
