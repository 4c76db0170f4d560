import { expect, test } from 'bun:test'
import { createLifecycle, StopRequested } from '../src/lifecycle.ts'

function recorded() {
  const events: string[] = []
  const lifecycle = createLifecycle({ onError: (message) => events.push(message) })
  const step = (name: string, open = async () => {}) =>
    lifecycle.step(
      name,
      () => open().then(() => events.push(`open ${name}`)),
      () => events.push(`close ${name}`),
    )
  return { lifecycle, events, step }
}

test('a stop closes the steps in reverse order, each with the rest of the grace period', async () => {
  const lifecycle = createLifecycle({ onError: () => {} })
  const closed: [string, number][] = []
  for (const name of ['database', 'queue', 'http']) {
    await lifecycle.step(
      name,
      () => {},
      (_, graceMs) => closed.push([name, graceMs]),
    )
  }
  await Promise.all([lifecycle.stop(60_000), lifecycle.stop(60_000)])
  expect(closed.map(([name]) => name)).toEqual(['http', 'queue', 'database'])
  expect(closed.every(([, graceMs]) => graceMs > 0 && graceMs <= 60_000)).toBe(true)
})

test('a stop while a step opens waits for the step, closes it, and opens no other', async () => {
  const { lifecycle, events, step } = recorded()
  const slow = Promise.withResolvers<void>()
  await step('first')
  const opening = step('second', () => slow.promise)
  const stopped = lifecycle.stop(0)
  expect(lifecycle.stopping.aborted).toBe(true)
  slow.resolve()
  expect(opening).rejects.toThrow(StopRequested)
  await stopped
  expect(step('third')).rejects.toThrow(StopRequested)
  expect(events).toEqual(['open first', 'open second', 'close second', 'close first'])
})

test('a step that opens after the stop has ended is closed too', async () => {
  const { lifecycle, events, step } = recorded()
  const slow = Promise.withResolvers<void>()
  await step('first')
  const opening = step('second', () => slow.promise)
  await lifecycle.stop(0)
  expect(events).toEqual(['open first', 'close first'])
  slow.resolve()
  await expect(opening).rejects.toThrow(StopRequested)
  expect(events).toEqual(['open first', 'close first', 'open second', 'close second'])
})

test('a step that cannot be closed is reported, and the others are closed', async () => {
  const { lifecycle, events, step } = recorded()
  await step('first')
  await lifecycle.step(
    'second',
    () => {},
    () => Promise.reject(new Error('gone')),
  )
  await lifecycle.stop(0)
  expect(events).toEqual(['open first', 'closing second failed', 'close first'])
})

test('a step that never finishes closing is named, and the stop ends without it', async () => {
  const { lifecycle, events } = recorded()
  await lifecycle.step(
    'queue',
    () => {},
    () => new Promise(() => {}),
  )
  await lifecycle.stop(0)
  expect(events).toEqual(['stopping without waiting for queue any longer'])
})

test('a step that fails to open leaves the steps before it to be closed', async () => {
  const { lifecycle, events, step } = recorded()
  await step('first')
  await expect(step('second', () => Promise.reject(new Error('no database')))).rejects.toThrow('no database')
  await lifecycle.stop(0)
  expect(events).toEqual(['open first', 'close first'])
})
