import { expect, test } from 'bun:test'
import { eventStream, type ServerEvent } from '../../src/http/sse.ts'

const problem = () => ({ error: 'It broke', code: 'internal' })

async function* streamOf(...events: ServerEvent[]): AsyncGenerator<ServerEvent, void> {
  yield* events
}

test('events are written in the standard’s format, and the stream ends after them', async () => {
  const events = streamOf({ event: 'status', id: '3', data: { text: 'a\nb' } }, { event: 'end', data: null })
  const response = eventStream({ events, problem, left() {} })
  expect(response.headers.toJSON()).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  expect(await response.text()).toBe(
    ': \n\nid: 3\nevent: status\ndata: {"text":"a\\nb"}\n\nevent: end\ndata: null\n\n',
  )
})

test('an error of the iterator is sent before the stream ends', async () => {
  async function* broken(): AsyncGenerator<ServerEvent, void> {
    yield { event: 'status', data: 1 }
    throw new Error('a secret')
  }
  const text = await eventStream({ events: broken(), problem, left() {} }).text()
  expect(text).toEndWith('event: error\ndata: {"error":"It broke","code":"internal"}\n\n')
  expect(text).not.toContain('secret')
})

test('comments are sent while no event arrives, and a client that disconnects ends the iterator', async () => {
  const disconnected = Promise.withResolvers<void>()
  let ended = false
  async function* silent(): AsyncGenerator<ServerEvent, void> {
    try {
      await disconnected.promise
      yield { data: 'too late' }
    } finally {
      ended = true
    }
  }
  const problems: unknown[] = []
  const { body } = eventStream({
    events: silent(),
    problem: (error) => problems.push(error),
    left: () => disconnected.resolve(),
    heartbeatMs: 5,
  })
  const reader = body?.getReader()
  for (let comments = 0; comments < 3; comments++) {
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(': \n\n')
  }
  await reader?.cancel()
  expect(ended).toBe(true)
  expect(problems).toEqual([])
})
