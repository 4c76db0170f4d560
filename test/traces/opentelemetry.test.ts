import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { VerbatimError } from '../../src/errors.ts'
import { openTelemetry, type Sampling } from '../../src/traces/opentelemetry.ts'
import { tracedFetch } from '../../src/traces/traced-fetch.ts'
import { tracedLog } from '../../src/traces/traced-log.ts'
import { type NewTraceSpan, withTraceSpan } from '../../src/traces/traces.ts'
import { openCollector } from '../support/trace-collector.ts'

const ALL: Sampling = { root: 'on', isParentBased: true, share: 1 }
const CALLER = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', step: '00f067aa0ba902b7' }
const KEPT = `00-${CALLER.trace}-${CALLER.step}-01`
const LEFT = `00-${CALLER.trace}-${CALLER.step}-00`
const job: NewTraceSpan = { name: 'job', kind: 'consumer' }
const part: NewTraceSpan = { name: 'part', kind: 'internal' }

let collector: ReturnType<typeof openCollector>
beforeEach(() => {
  collector = openCollector()
})
afterEach(() => collector.close())

function open(sampling = ALL) {
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  const attributes = { 'service.name': 'tested' }
  return { lines, ...openTelemetry({ endpoint: collector.url, headers: {}, attributes, sampling, log }) }
}

const told = () => collector.steps.map(({ name }) => name).toSorted()

test('the parent of a trace span is the running one, also after awaits', async () => {
  const traces = open()
  const one = async (name: string) => {
    await withTraceSpan(traces, { ...job, name, parent: null }, async () => {
      await Bun.sleep(1)
      await withTraceSpan(traces, { ...part, name: `of ${name}` }, () => Bun.sleep(1))
      await fetch(collector.url)
      await withTraceSpan(traces, { ...part, name: `of ${name} too` }, async () => {})
    })
  }
  await Promise.all([one('a'), one('b')])
  expect(traces.running()).toBeNull()
  await traces.close()
  for (const name of ['a', 'b']) {
    const parent = collector.steps.find((step) => step.name === name)
    const own = collector.steps.filter((step) => step.name.startsWith(`of ${name}`))
    expect(own).toHaveLength(2)
    for (const step of own) {
      expect(step).toMatchObject({ parentSpanId: parent?.spanId ?? '', traceId: parent?.traceId ?? '' })
    }
  }
})

test.each([
  ['none', null],
  ['what is none', 'of my own making'],
  ['a zero', `00-${'0'.repeat(32)}-${CALLER.step}-01`],
  ['capitals', KEPT.toUpperCase()],
  ['a version that is not to be', `ff${KEPT.slice(2)}`],
])('a traceparent that is %s begins a trace', async (_, parent) => {
  const traces = open()
  traces.begin({ ...job, parent }).end()
  await traces.close()
  expect(collector.steps[0]?.parentSpanId).toBeUndefined()
  expect(collector.steps[0]?.traceId).not.toBe(CALLER.trace)
})

test('a traceparent of a later version is accepted', async () => {
  const traces = open()
  traces.begin({ ...job, parent: `01${KEPT.slice(2)}-and-more` }).end()
  await traces.close()
  expect(collector.steps).toMatchObject([{ traceId: CALLER.trace, parentSpanId: CALLER.step }])
})

describe('sampling', () => {
  test.each<[string, Sampling, string | null, string[]]>([
    ['all', ALL, null, ['job']],
    ['what the caller keeps', { ...ALL, root: 'off' }, KEPT, ['job']],
    ['nothing that the caller leaves', ALL, LEFT, []],
    ['all the same', { ...ALL, isParentBased: false }, LEFT, ['job']],
    ['none', { ...ALL, root: 'off' }, null, []],
    ['a share of all', { root: 'ratio', isParentBased: true, share: 1 }, null, ['job']],
    ['a share of none', { root: 'ratio', isParentBased: true, share: 0 }, null, []],
  ])('%s', async (_, sampling, parent, names) => {
    const traces = open(sampling)
    const step = traces.begin({ ...job, parent })
    step.end()
    await traces.close()
    expect(told()).toEqual(names)
    // A child has the sampling decision of its parent.
    expect(step.traceparent).toEndWith(names.length ? '-01' : '-00')
  })
})

test('an error is recorded by its code, not its message', async () => {
  const traces = open()
  const failing = (error: unknown) =>
    withTraceSpan(traces, job, () => Promise.reject(error)).catch((thrown: unknown) =>
      expect(thrown).toBe(error),
    )
  await failing(new VerbatimError('engine_unavailable', 'https://engine.example/?key=k1 broke off'))
  await failing(new TypeError('what was said is not iterable'))
  await traces.close()
  expect(collector.steps.map(({ status }) => status)).toEqual([
    { code: 2, message: 'engine_unavailable' },
    { code: 2, message: 'TypeError' },
  ])
  expect(collector.bodies.join()).not.toMatch(/engine\.example|said/)
})

test('a request’s trace span ends when the response is read, and fails if that breaks off', async () => {
  const traces = open()
  const breaking = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket) {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
        socket.end()
      },
    },
  })
  const ask = tracedFetch({ traces, engine: 'sidecar', isOwn: true })
  await expect(ask(`http://127.0.0.1:${breaking.port}/generate?language=de`)).rejects.toThrow()
  await traces.close()
  expect(collector.steps).toMatchObject([{ name: 'GET sidecar', status: { code: 2 } }])
  expect(collector.bodies.join()).not.toContain('language')
  breaking.stop(true)
})

test.each([true, false])('an engine of the operator’s own hears whose request it is: %p', async (isOwn) => {
  const traces = open()
  const headers: (string | null)[] = []
  const engine = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      headers.push(request.headers.get('traceparent'), request.headers.get('authorization'))
      return new Response('heard', { status: 201, headers: { 'x-of': 'the engine' } })
    },
  })
  const ask = tracedFetch({ traces, engine: 'sidecar', isOwn })
  const answer = await ask(engine.url, { method: 'POST', headers: { authorization: 'Bearer b' } })
  expect([answer.status, answer.headers.get('x-of'), await answer.text()]).toEqual([
    201,
    'the engine',
    'heard',
  ])
  await traces.close()
  const [step] = collector.steps
  expect(headers).toEqual([isOwn ? `00-${step?.traceId}-${step?.spanId}-01` : null, 'Bearer b'])
  engine.stop(true)
})

test('log lines have the ids of the running trace span', async () => {
  const traces = open()
  const abouts: unknown[] = []
  const log = tracedLog((_line, _error, about) => abouts.push(about), traces)
  log('outside', undefined, { request_id: 'r1' })
  await withTraceSpan(traces, job, async ({ ids }) => {
    await Bun.sleep(1)
    log('within', undefined, { request_id: 'r1' })
    expect(abouts).toEqual([{ request_id: 'r1' }, { request_id: 'r1', ...ids }])
  })
  await traces.close()
})

test('a refusing collector is logged once a minute, and the trace spans are dropped', async () => {
  collector.answer(() => new Response('of no use to anyone', { status: 400 }))
  const traces = open()
  // Two batches.
  for (let at = 0; at < 600; at++) traces.begin(job).end()
  await traces.close()
  expect(traces.lines).toEqual([expect.stringMatching(/400.*: \d+ trace spans are lost so far$/)])
})
