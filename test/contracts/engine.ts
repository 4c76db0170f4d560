import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Engine } from '../../src/engines/engine.ts'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { engineError } from '../engines/engine-error.ts'
import { spanOf } from '../engines/span.ts'
import { silence } from '../support/pcm.ts'

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z']+/g) ?? []
}

/** Words of `said` that `heard` lacks or has wrong, or has too many: the word error count. */
export function wordErrors(said: string, heard: string): number {
  const [truth, found] = [wordsOf(said), wordsOf(heard)]
  let above = found.map((_, index) => index + 1)
  for (const [row, word] of truth.entries()) {
    const line: number[] = []
    for (const [column, other] of found.entries()) {
      const diagonal = column === 0 ? row : (above[column - 1] ?? 0)
      const left = column === 0 ? row + 1 : (line[column - 1] ?? 0)
      line.push(Math.min(diagonal + (word === other ? 0 : 1), left + 1, (above[column] ?? 0) + 1))
    }
    above = line
  }
  return above.at(-1) ?? truth.length
}

/**
 * What every engine does, whatever is behind it. `make` gives one that becomes ready within `readySeconds`;
 * `speech` is a span of English that says `text`.
 */
export function engineContract(options: {
  name: string
  make: () => Promise<Engine>
  speech: () => Promise<{ pcm: Uint8Array<ArrayBuffer>; text: string }>
  readySeconds: number
}) {
  describe(`the engine port: ${options.name}`, () => {
    let engine: Engine
    let speech: Awaited<ReturnType<typeof options.speech>>
    beforeAll(async () => {
      speech = await options.speech()
      engine = await options.make()
      await engine.whenReady(AbortSignal.timeout(options.readySeconds * 1000))
    }, options.readySeconds * 1000)
    afterAll(() => engine?.close())

    test('says that it is ready, and how long its spans may be', () => {
      expect(engine.state().ready).toBe(true)
      expect(engine.targetSpanSeconds).toBeLessThanOrEqual(engine.maxSpanSeconds)
      expect(engine.concurrency).toBeGreaterThan(0)
    })

    test('writes down what is said, with times in order within the span', async () => {
      const result = await engine.transcribe(spanOf({ pcm: speech.pcm }))
      const heard = result.segments.map((segment) => segment.text).join('')
      expect(wordErrors(speech.text, heard)).toBeLessThanOrEqual(wordsOf(speech.text).length / 10)
      expect(result.model).not.toBe('')
      const seconds = speech.pcm.length / BYTES_PER_SECOND
      let last = 0
      for (const segment of result.segments) {
        expect(segment.start).toBeGreaterThanOrEqual(last)
        expect(segment.end).toBeGreaterThan(segment.start)
        expect(segment.end).toBeLessThanOrEqual(seconds)
        expect(segment.language).toBe('en')
        last = segment.start
      }
    }, 300_000)

    test('detects the language when it is told to', async () => {
      const { segments } = await engine.transcribe(spanOf({ pcm: speech.pcm, language: 'auto' }))
      expect(segments.length).toBeGreaterThan(0)
      for (const segment of segments) expect([null, 'en']).toContain(segment.language)
    }, 300_000)

    test('gives words within their segment, or null where it knows none', async () => {
      const { segments } = await engine.transcribe(spanOf({ pcm: speech.pcm, words: true }))
      for (const segment of segments) {
        let last = segment.start - 0.5
        for (const word of segment.words ?? []) {
          expect(word.start).toBeGreaterThanOrEqual(last)
          expect(word.end).toBeGreaterThanOrEqual(word.start)
          expect(word.end).toBeLessThanOrEqual(segment.end + 0.5)
          last = word.start
        }
        if (segment.words) {
          expect(wordsOf(segment.words.map(({ word }) => word).join(''))).toEqual(wordsOf(segment.text))
        }
      }
    }, 300_000)

    test('hears nothing in silence', async () => {
      const { segments } = await engine.transcribe(spanOf({ pcm: silence(6) }))
      expect(segments).toEqual([])
    }, 300_000)

    test('stops with the reason of the signal, before or while it works, and works on afterwards', async () => {
      const reason = new Error('canceled')
      const before = engine.transcribe(spanOf({ pcm: speech.pcm, signal: AbortSignal.abort(reason) }))
      expect(await before.catch((error: unknown) => error)).toBe(reason)
      const canceling = new AbortController()
      const during = engine.transcribe(spanOf({ pcm: speech.pcm, signal: canceling.signal }))
      setTimeout(() => canceling.abort(reason), 20)
      expect(await during.catch((error: unknown) => error)).toBe(reason)
      const { segments } = await engine.transcribe(spanOf({ pcm: speech.pcm }))
      expect(segments.length).toBeGreaterThan(0)
    }, 300_000)

    test('refuses what it can never take', async () => {
      const refused = async (span: Parameters<typeof spanOf>[0]) =>
        (await engineError(engine.transcribe(spanOf(span)))).code
      expect(await refused({ pcm: silence(engine.maxSpanSeconds + 1) })).toBe('engine_rejected')
      expect(await refused({ pcm: new Uint8Array(0) })).toBe('engine_rejected')
      expect(await refused({ pcm: new Uint8Array(33) })).toBe('engine_rejected')
      expect(await refused({ pcm: speech.pcm, language: 'tlh' })).toBe('engine_rejected')
    }, 300_000)

    test('takes as many spans at once as it says', async () => {
      const work = Array.from({ length: engine.concurrency }, () =>
        engine.transcribe(spanOf({ pcm: speech.pcm })),
      )
      const texts = (await Promise.all(work)).map((result) =>
        result.segments.map(({ text }) => text).join(''),
      )
      expect(new Set(texts).size).toBe(1)
    }, 300_000)

    test('waiting for it ends with the signal', async () => {
      const reason = new Error('closing')
      expect(await engine.whenReady(AbortSignal.abort(reason)).catch((error: unknown) => error)).toBe(reason)
    })
  })
}
