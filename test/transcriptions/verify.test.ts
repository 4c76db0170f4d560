import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { type Engine, EngineOverloaded, type SpanResult } from '../../src/engines/engine.ts'
import { describedByName } from '../../src/engines/models.ts'
import { VerbatimError } from '../../src/errors.ts'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { databases } from '../support/databases.ts'
import { silence } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'
import { type Answer, scriptedEngine, segmentOf } from '../support/scripted-engine.ts'

const SECONDS = 5
const wav = wavOf(silence(SECONDS))
const word = (text: string, start: number) => ({ word: text, start, end: start + 0.4, probability: 0.9 })

/** Five segments of a second, of which the second and the third are doubtful. */
const FIRST: SpanResult = {
  model: 'small',
  detected: null,
  segments: [' One.', ' too.', ' tree.', ' Four.', ' Five.'].map((text, at) =>
    segmentOf({
      text,
      start: at,
      end: at + 0.9,
      avgLogprob: text === ' too.' || text === ' tree.' ? -1.1 : -0.2,
      language: 'en',
      words: [word(text, at)],
    }),
  ),
}
const SECOND: SpanResult = {
  model: 'large',
  detected: null,
  segments: [segmentOf({ text: ' Two, three.', start: 0.1, end: 1.9, words: [word(' Two,', 0.1)] })],
}

describe.each(databases)('verification on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  /** Transcribes with the model `small`, and with `second` as the answer of `large`. */
  async function transcribe(second: Answer, { fields = {}, first = FIRST } = {}) {
    const engine = scriptedEngine({
      answer: (span, call) => (span.model === 'large' ? second(span, call) : first),
      models: ['small', 'large'].map(describedByName),
    })
    const queue = await pipeline.startWorker(engine satisfies Engine, { verifyModel: 'large' })
    const id = await pipeline.upload(queue, wav, { words: 'true', verify: 'true', ...fields })
    const row = await pipeline.once(id, isFinished)
    return { row, calls: engine.calls, segments: await pipeline.segmentsOf(id) }
  }

  test('neighbouring doubtful segments are replaced, with times of the audio', async () => {
    const { row, calls, segments } = await transcribe(() => SECOND)
    expect(row.text).toBe('One. Two, three. Four. Five.')
    expect(segments.map(({ start, end, verifiedBy }) => ({ start, end, verifiedBy }))).toEqual([
      { start: 0, end: 0.9, verifiedBy: null },
      { start: 1, end: 2.8, verifiedBy: 'large' },
      { start: 3, end: 3.9, verifiedBy: null },
      { start: 4, end: 4.9, verifiedBy: null },
    ])
    expect(segments[1]?.words).toEqual([{ ...word(' Two,', 1), end: 1.4 }])
    // From the end of the segment before to the start of the one after: 0.9 to 3 s.
    expect(calls.map(({ pcm }) => pcm.length / BYTES_PER_SECOND)).toEqual([SECONDS, 2.1])
  })

  test.each([
    ['the second model fails', () => Promise.reject(new VerbatimError('engine_rejected', 'No.')), 2],
    ['it hears nothing', () => ({ ...SECOND, segments: [] }), 2],
  ] as const)('if %s, no other text is lost', async (_, second, count) => {
    const { row, calls } = await transcribe(second)
    expect(row.status).toBe('completed')
    expect(row.text).toContain('One.')
    expect(row.text).toContain('Four. Five.')
    expect(calls).toHaveLength(count)
  })

  test('a busy second model is waited for', async () => {
    let calls = 0
    const { row } = await transcribe(() => {
      if (++calls === 1) throw new EngineOverloaded('busy', { retryAfterSeconds: 0.01 })
      return SECOND
    })
    expect(row.text).toContain('Two, three.')
  })

  test('text that repeats, or is in another language than was heard, is doubtful too', async () => {
    const first = {
      ...FIRST,
      detected: { language: 'de', probability: 0.9 },
      segments: [
        segmentOf({ text: ' na na', start: 0, end: 1, compressionRatio: 3, language: 'de' }),
        segmentOf({ text: ' Gut.', start: 1.5, end: 2, language: 'de' }),
        segmentOf({ text: ' Good.', start: 3, end: 4, language: 'en' }),
      ],
    }
    const { calls, segments } = await transcribe(() => SECOND, { first, fields: { language: 'auto' } })
    expect(calls).toHaveLength(3)
    expect(segments.map(({ verifiedBy }) => verifiedBy)).toEqual(['large', null, 'large'])
  })

  test('nothing is decoded again without `verify`', async () => {
    const { calls } = await transcribe(() => SECOND, { fields: { verify: 'false' } })
    expect(calls).toHaveLength(1)
  })
})
