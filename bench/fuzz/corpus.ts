import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compileCore } from '../../src/media/ffmpeg/compiled-core.ts'
import { ROOT } from '../../test/sidecar-dir.ts'
import { chanceOf } from '../shared/chance.ts'
import type { Sample } from './case.ts'
import type { Made, Order } from './encode-worker.ts'
import { clipOf, RECIPES } from './formats.ts'

const FIXTURES = join(ROOT, 'test/fixtures')

export type Corpus = {
  samples: Sample[]
  /** What could not be made, and why. */
  failed: string[]
}

/**
 * The fixtures, what the decoder's own package makes of them in further formats, an amr, and the first seconds of each
 * recording in the folder `recordings`.
 */
export async function makeCorpus({ recordings }: { recordings?: string | undefined } = {}): Promise<Corpus> {
  const fixtures = await filesOf(FIXTURES, (name) => /^(speech|silent)\./.test(name))
  const made = await encode({ inputs: fixtures, recipes: RECIPES })
  const amr = { name: 'amr', bytes: amrOf(150) }
  const own = recordings ? await filesOf(recordings, (name) => clipOf(name) !== null) : []
  const clips = await encode({ inputs: own, recipes: own.flatMap(({ name }) => clipOf(name) ?? []) })
  return {
    samples: [...fixtures, ...made.samples, amr, ...clips.samples],
    failed: [...made.failed, ...clips.failed],
  }
}

async function filesOf(folder: string, wanted: (name: string) => boolean): Promise<Sample[]> {
  const names = (await readdir(folder)).filter(wanted).sort()
  return Promise.all(
    names.map(async (name) => ({ name, bytes: new Uint8Array(await readFile(join(folder, name))) })),
  )
}

async function encode(work: Omit<Order, 'module'>): Promise<Made> {
  if (work.recipes.length === 0) return { samples: [], failed: [] }
  const worker = new Worker(new URL('./encode-worker.ts', import.meta.url))
  const answer = Promise.withResolvers<Made>()
  worker.addEventListener('message', ({ data }: MessageEvent<Made>) => answer.resolve(data))
  worker.addEventListener('error', ({ message }) => answer.reject(new Error(message)))
  worker.postMessage({ module: await compileCore(), ...work } satisfies Order)
  try {
    return await answer.promise
  } finally {
    worker.terminate()
  }
}

/** 20 ms a frame of AMR's best mode. No free encoder makes it, so the frames are noise, which decodes as any other. */
function amrOf(frames: number): Uint8Array {
  const [HEAD, MODE_12_2, PAYLOAD_BYTES] = ['#!AMR\n', 0x3c, 31] as const
  const chance = chanceOf(0xa3, 0)
  const all = Array.from({ length: frames }, () => [MODE_12_2, ...chance.bytes(PAYLOAD_BYTES)])
  return Uint8Array.from([...Buffer.from(HEAD), ...all.flat()])
}
