import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encode } from '../../test/support/encode.ts'
import { fixture } from '../../test/support/recordings.ts'
import { chanceOf } from '../shared/chance.ts'
import type { Sample } from './cases.ts'
import { RECIPES } from './formats.ts'

const FIXTURES = dirname(fixture('speech.wav'))
const SECONDS = '3'
const GSM = { frames: 150, magic: 0xd0, frameBytes: 33 }
const AMR = { head: '#!AMR\n', frames: 150, mode12k2: 0x3c, payloadBytes: 31 }

/** `failed`: the samples that could not be made, with the reason. */
export type Corpus = { samples: Sample[]; failed: string[] }

/** The fixtures, further formats of them, and files of AMR and GSM. */
export async function makeCorpus(): Promise<Corpus> {
  const names = (await readdir(FIXTURES)).filter((name) => /^(speech|silent)\./.test(name)).sort()
  const fixtures = await Promise.all(
    names.map(async (name) => ({ name, bytes: new Uint8Array(await readFile(join(FIXTURES, name))) })),
  )
  const { files, failed } = await encode(
    RECIPES.map(({ name, from, args }) => ({
      name,
      from: from.flatMap((name) => fixtures.filter((file) => file.name === name).map(({ bytes }) => bytes)),
      args: ['-t', SECONDS, ...args],
    })),
  )
  const made = [
    { name: 'amr', bytes: makeAmr() },
    { name: 'gsm', bytes: makeGsm() },
  ]
  return { samples: [...fixtures, ...files, ...made], failed }
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

/** Frames of 20 ms; there is no free GSM encoder here either. The first four bits of a frame are its magic. */
function makeGsm(): Uint8Array {
  const chance = chanceOf(0x65, 0)
  const frame = () => [GSM.magic | chance.below(16), ...chance.bytes(GSM.frameBytes - 1)]
  return Uint8Array.from(Array.from({ length: GSM.frames }, frame).flat())
}
