import { afterEach, describe, expect, setSystemTime, test } from 'bun:test'
import { type Engine, EngineOverloaded } from '../../src/engines/engine.ts'
import { failsOver, withFailover } from '../../src/engines/failover.ts'
import { VerbatimError } from '../../src/errors.ts'
import { silence } from '../support/pcm.ts'
import { type Answer, namingSamples, scriptedEngine } from '../support/scripted-engine.ts'
import { spanOf } from './span.ts'

const unavailable = () => new VerbatimError('engine_unavailable', 'It failed')
const hosted = (changes: Partial<Engine> = {}, answer?: Answer): Engine => ({
  ...scriptedEngine({ targetSpanSeconds: 2, maxSpanSeconds: 3, concurrency: 4, ...(answer && { answer }) }),
  name: 'huggingface',
  ...changes,
})
const down: Partial<Engine> = {
  state: () => ({ ready: false, detail: 'It is down.' }),
  whenReady: (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
}
const span = () => spanOf({ pcm: silence(1) })

afterEach(() => {
  setSystemTime()
})

describe('engines in order of preference', () => {
  test('use the span lengths of the first, and all are available', async () => {
    const engines = withFailover([scriptedEngine({ concurrency: 2 }), hosted()])
    expect(engines).toMatchObject({
      targetSpanSeconds: 4,
      maxSpanSeconds: 6,
      concurrency: 4,
    })
    expect((await engines.available()).map(({ name }) => name)).toEqual(['sidecar', 'huggingface'])
    expect((await engines.available({ among: ['huggingface'] })).map(({ name }) => name)).toEqual([
      'huggingface',
    ])
  })

  test('skip an engine that is not ready; one ready engine is enough', async () => {
    const engines = withFailover([{ ...scriptedEngine(), ...down }, hosted()])
    expect((await engines.available()).map(({ name }) => name)).toEqual(['huggingface'])
    expect(engines.state()).toEqual({ ready: true, detail: 'It is down. answers as scripted' })
    await engines.whenReady(new AbortController().signal)
    expect(withFailover([{ ...scriptedEngine(), ...down }]).state().ready).toBe(false)
  })

  test('reject with the signal’s reason while none is ready', async () => {
    const engines = withFailover([{ ...scriptedEngine(), ...down }, hosted(down)])
    const stopping = new AbortController()
    const waiting = engines.whenReady(stopping.signal)
    stopping.abort(new Error('stopping'))
    expect(await waiting.catch((error: unknown) => error)).toEqual(new Error('stopping'))
  })

  test('skip an engine whose daily budget is used up', async () => {
    let used = 99.9
    const budget = { engine: 'huggingface' as const, secondsPerDay: 100, used: async () => used }
    const engines = withFailover([hosted(), scriptedEngine()], { budgets: [budget] })
    expect((await engines.available()).map(({ name }) => name)).toEqual(['huggingface', 'sidecar'])
    used = 100
    expect((await engines.available()).map(({ name }) => name)).toEqual(['sidecar'])
  })
})

describe('an engine that fails three times in a row', () => {
  async function failing(times: number) {
    let isWell = false
    let calls = 0
    const answer: Answer = ({ pcm }) => {
      calls += 1
      if (isWell) return namingSamples(pcm)
      throw unavailable()
    }
    const [engine] = await withFailover([scriptedEngine({ answer })]).available()
    if (!engine) throw new Error('no engine')
    const thrown = () => engine.transcribe(span()).catch((error: unknown) => error)
    for (let time = 0; time < times; time++) expect(await thrown()).toEqual(unavailable())
    return {
      engine,
      thrown,
      calls: () => calls,
      heal: () => {
        isWell = true
      },
    }
  }

  test('receives no spans for a while, and reports when to retry', async () => {
    const { thrown, calls } = await failing(3)
    const error = await thrown()
    expect(error).toBeInstanceOf(EngineOverloaded)
    expect(error).toMatchObject({ code: 'engine_overloaded', retryAfterSeconds: 2 })
    expect(calls()).toBe(3)
  })

  test('receives one span after the pause, and all spans once it answers', async () => {
    const { engine, thrown, heal } = await failing(3)
    setSystemTime(Date.now() + 120_000)
    expect(await thrown()).toEqual(unavailable())
    expect(await thrown()).toBeInstanceOf(EngineOverloaded)
    heal()
    setSystemTime(Date.now() + 600_000)
    expect((await engine.transcribe(span())).model).toBe('scripted')
    expect((await engine.transcribe(span())).model).toBe('scripted')
  })

  test('is not paused for rejected spans and cancellations', async () => {
    const errors = [
      new VerbatimError('engine_rejected', 'No'),
      new Error('aborted'),
      unavailable(),
      unavailable(),
    ]
    const answer: Answer = ({ pcm }, call) => {
      const error = errors[call]
      if (error) throw error
      return namingSamples(pcm)
    }
    const [engine] = await withFailover([scriptedEngine({ answer })]).available()
    for (const error of errors) {
      expect(await engine?.transcribe(span()).catch((thrown: unknown) => thrown)).toBe(error)
    }
    expect((await engine?.transcribe(span()))?.model).toBe('scripted')
  })
})

test('an engine gets no more spans at once than it takes, also beside one that takes more', async () => {
  const gate = Promise.withResolvers<void>()
  const answer: Answer = async ({ pcm }) => {
    await gate.promise
    return namingSamples(pcm)
  }
  const small = scriptedEngine({ answer, concurrency: 2 })
  const engines = withFailover([small, scriptedEngine({ concurrency: 50 })])
  expect(engines.clipConcurrency).toBe(50)
  const [engine] = await engines.available()
  const running = Array.from({ length: 5 }, () => engine?.transcribe(span()).catch((error: unknown) => error))
  await Bun.sleep(0)
  gate.resolve()
  const refused = (await Promise.all(running)).filter((result) => result instanceof EngineOverloaded)
  expect([small.calls.length, refused.length]).toEqual([4, 1])
  expect((await engine?.transcribe(span()))?.model).toBe('scripted')
})

test.each([
  ['engine_unavailable', true],
  ['engine_overloaded', true],
  ['engine_misconfigured', true],
  ['engine_rejected', true],
  ['internal', false],
] as const)('%s fails over to another engine: %p', (code, does) => {
  expect(failsOver(new VerbatimError(code, 'x'))).toBe(does)
  expect(failsOver(new Error('x'))).toBe(false)
})
