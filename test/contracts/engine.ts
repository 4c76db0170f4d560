import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Engine } from '../../src/engines/engine.ts'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { engineError } from '../engines/engine-error.ts'
import { spanOf } from '../engines/span.ts'
import { silence } from '../support/pcm.ts'

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z']+/g) ?? []
}

/** The word errors of `transcript` against `reference`: missing, wrong and extra words (Levenshtein distance). */
function wordErrors(reference: string, transcript: string): number {
  const [truth, words] = [wordsOf(reference), wordsOf(transcript)]
  let above = words.map((_, index) => index + 1)
  for (const [row, word] of truth.entries()) {
    const line: number[] = []
    for (const [column, other] of words.entries()) {
      const diagonal = column === 0 ? row : (above[column - 1] ?? 0)
      const left = column === 0 ? row + 1 : (line[column - 1] ?? 0)
      line.push(Math.min(diagonal + (word === other ? 0 : 1), left + 1, (above[column] ?? 0) + 1))
    }
    above = line
  }
  return above.at(-1) ?? truth.length
}

/**
 * The contract of the engine port. `make` returns an engine that becomes ready within `readySeconds`. `speech` is a span
 * of English speech with the words of `text`.
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

    test('an engine reports that it is ready, its span lengths and its concurrency', () => {
      expect(engine.state().ready).toBe(true)
      expect(engine.targetSpanSeconds).toBeLessThanOrEqual(engine.maxSpanSeconds)
      expect(engine.concurrency).toBeGreaterThan(0)
    })

    test('an engine transcribes speech, with ordered times within the span', async () => {
      const result = await engine.transcribe(spanOf({ pcm: speech.pcm }))
      const transcript = result.segments.map((segment) => segment.text).join('')
      expect(wordErrors(speech.text, transcript)).toBeLessThanOrEqual(wordsOf(speech.text).length / 10)
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

    test('an engine detects the language if it is `auto`', async () => {
      const { segments } = await engine.transcribe(spanOf({ pcm: speech.pcm, language: 'auto' }))
      expect(segments.length).toBeGreaterThan(0)
      for (const segment of segments) expect([null, 'en']).toContain(segment.language)
    }, 300_000)

    test('an engine returns words within their segment, or null', async () => {
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

    test('an engine returns no segment for silence', async () => {
      const { segments } = await engine.transcribe(spanOf({ pcm: silence(6) }))
      expect(segments).toEqual([])
    }, 300_000)

    test('an aborted request rejects with the reason, and the engine takes the next one', async () => {
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

    test('an engine rejects spans that it can never transcribe', async () => {
      const codeOf = async (span: Parameters<typeof spanOf>[0]) =>
        (await engineError(engine.transcribe(spanOf(span)))).code
      expect(await codeOf({ pcm: silence(engine.maxSpanSeconds + 1) })).toBe('engine_rejected')
      expect(await codeOf({ pcm: new Uint8Array(0) })).toBe('engine_rejected')
      expect(await codeOf({ pcm: new Uint8Array(33) })).toBe('engine_rejected')
      expect(await codeOf({ pcm: speech.pcm, language: 'tlh' })).toBe('engine_rejected')
    }, 300_000)

    test('an engine transcribes `concurrency` spans at a time', async () => {
      const requests = Array.from({ length: engine.concurrency }, () =>
        engine.transcribe(spanOf({ pcm: speech.pcm })),
      )
      const texts = (await Promise.all(requests)).map((result) =>
        result.segments.map(({ text }) => text).join(''),
      )
      expect(new Set(texts).size).toBe(1)
    }, 300_000)

    test('`whenReady` rejects with the reason of its signal', async () => {
      const reason = new Error('closing')
      expect(await engine.whenReady(AbortSignal.abort(reason)).catch((error: unknown) => error)).toBe(reason)
    })
  })
}
