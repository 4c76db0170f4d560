import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bytesOf, planOf } from '../../bench/fuzz/cases.ts'
import { makeCorpus } from '../../bench/fuzz/corpus.ts'
import { play } from '../../bench/fuzz/play.ts'
import { runFuzz } from '../../bench/fuzz/run.ts'
import { VerbatimError } from '../../src/errors.ts'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import type { Media, PcmPiece } from '../../src/media/media.ts'
import { fixture, temporaryFolder } from '../support/recordings.ts'

setDefaultTimeout(600_000)

const CASES = 150

test('150 damaged recordings of all formats end in a result or a VerbatimError, without side effects', async () => {
  const { samples, failed } = await makeCorpus()
  expect(failed).toEqual([])
  const { played, findings } = await runFuzz({
    ...{ corpus: samples, seed: 5, cases: { from: 0, to: CASES } },
    // The same on every machine, and far longer than any of these cases takes on a busy one.
    ...{ concurrency: 2, deadlines: { probeMs: 60_000, decodeMs: 120_000 } },
  })
  expect(findings).toEqual([])
  expect(new Set(played.map(({ index }) => index)).size).toBe(CASES)
  // A run in which nothing was decoded, or all was, would show nothing.
  expect(played.map(({ outcome }) => outcome)).toEqual(
    expect.arrayContaining(['decoded', 'corrupt', 'unsupported_type']),
  )
})

test('a case is reproducible from its seed and number', async () => {
  const corpus = ['speech.mp3', 'speech.ogg', 'speech.webm'].map((name) => ({ name, path: fixture(name) }))
  const samples = await Promise.all(
    corpus.map(async ({ name, path }) => ({ name, bytes: await readFile(path) })),
  )
  const all = (seed: number) =>
    Array.from({ length: 24 }, (_, index) =>
      Bun.hash(bytesOf({ seed, index, corpus: samples, links: ['one', 'two'] })),
    )
  const before = samples.map(({ bytes }) => Bun.hash(bytes))
  expect(all(1)).toEqual(all(1))
  expect(samples.map(({ bytes }) => Bun.hash(bytes))).toEqual(before)
  expect(all(1)).not.toEqual(all(2))
  const pairs = Array.from({ length: 24 }, (_, index) => planOf(index, samples))
  expect(new Set(pairs.map(({ sample, mutation }) => `${mutation} ${sample.name}`)).size).toBe(24)
})

describe('a run reports', () => {
  const honest = ffmpegMedia()
  afterAll(() => honest.close())

  async function findingsOf(wrong: Partial<Media>) {
    await using folder = await temporaryFolder()
    const bytes = new Uint8Array(await readFile(fixture('speech.ogg')))
    const media = { ...honest, ...wrong }
    const place = join(folder.path, 'case')
    return (await play({ media, folder: place, bytes, maxSeconds: 60, withinMs: 120_000 })).findings
  }

  test('nothing for a correct decoder', async () => {
    expect(await findingsOf({})).toEqual([])
  })

  test.each<[string, Partial<Media>, string]>([
    ['an error without a name', { probe: () => Promise.reject(new Error('trap')) }, 'not a named error'],
    [
      'a code that blames the service',
      { probe: () => Promise.reject(new VerbatimError('media_unavailable', 'It is gone.')) },
      'does not blame the recording',
    ],
    [
      'a path in a sentence',
      { probe: () => Promise.reject(new VerbatimError('corrupt', 'No sound in /tmp/upload.')) },
      'without paths',
    ],
    [
      'a second file told of in an error',
      {
        async probe(path) {
          const secret = await readFile(join(dirname(path), 'secret.txt'), 'utf8')
          throw new VerbatimError('corrupt', `Found ${secret.slice(0, 40)}.`)
        },
      },
      'shows a decoy',
    ],
    [
      'a second file heard in the pcm',
      {
        async decode({ path, take }) {
          const pcm = new Uint8Array(await readFile(join(dirname(path), 'decoy.wav'))).slice(44)
          return honest.decode({ path, maxSeconds: 60, take: (piece) => take({ ...piece, pcm }) })
        },
      },
      'contains a decoy',
    ],
    [
      'a file that is left by a decode that failed',
      {
        async decode({ path }) {
          await writeFile(join(dirname(path), 'pcm'), 'half')
          throw new VerbatimError('corrupt', 'Nothing could be read.')
        },
      },
      'left behind: pcm',
    ],
    [
      'levels that are not those of the pcm',
      {
        async decode({ take, ...options }) {
          return honest.decode({ ...options, take: (piece) => take({ ...piece, levels: new Uint8Array(1) }) })
        },
      },
      '1 levels instead of',
    ],
    [
      'an end that comes twice',
      {
        async decode({ take, ...options }) {
          const twice = (piece: PcmPiece) => take(piece).then(() => take(piece))
          return honest.decode({ ...options, take: twice })
        },
      },
      'not exactly one last piece',
    ],
  ])('%s', async (_what, wrong, found) => {
    expect(await findingsOf(wrong)).toContainEqual(expect.stringContaining(found))
  })

  test('a decode that never ends', async () => {
    await using folder = await temporaryFolder()
    const media = { ...honest, probe: () => new Promise<never>(() => {}) }
    const place = join(folder.path, 'case')
    const { findings } = await play({
      ...{ media, folder: place, bytes: new Uint8Array(9), maxSeconds: 60, withinMs: 50 },
    })
    expect(findings).toEqual([expect.stringContaining('not ended in 50 ms')])
  })
})
