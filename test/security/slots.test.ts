import { describe, expect, test } from 'bun:test'
import { createSlots, type Slot } from '../../src/media/ffmpeg/slots.ts'

const never = new AbortController().signal

/** Callers that hold a slot until `end`, and the order in which they acquired one. */
function callersOf(slots: ReturnType<typeof createSlots>) {
  const order: string[] = []
  const gates = new Map<string, () => void>()

  function call(name: string, use: (slot: Slot) => Promise<void> = async () => {}) {
    const { promise, resolve } = Promise.withResolvers<void>()
    gates.set(name, resolve)
    // The group is the first letter of the name.
    return slots.within({ group: name.charAt(0), signal: never }, async (slot) => {
      order.push(name)
      await use(slot)
      await promise
    })
  }

  return {
    order,
    call,
    async end(...names: string[]) {
      for (const name of names) gates.get(name)?.()
      await Bun.sleep(0)
    },
  }
}

describe('slots', () => {
  test('groups take turns, independent of their numbers of callers', async () => {
    const { order, call, end } = callersOf(createSlots({ count: 1 }))
    for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) void call(name)
    await end('a1')
    await end('a2')
    await end('b1')
    await end('c1')
    await end('a3')
    await end('b2')
    expect(order).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'])
    await end('a4')
  })

  test('a group is limited to its slots, and another group gets one at once', async () => {
    const { order, call, end } = callersOf(createSlots({ count: 3, perGroup: 2 }))
    for (const name of ['a1', 'a2', 'a3']) void call(name)
    await Bun.sleep(0)
    expect(order).toEqual(['a1', 'a2'])
    void call('b1')
    await Bun.sleep(0)
    expect(order).toEqual(['a1', 'a2', 'b1'])
    await end('a2')
    expect(order).toEqual(['a1', 'a2', 'b1', 'a3'])
    await end('a1', 'a3', 'b1')
  })

  test('a released slot serves another group, and returns before new callers of its own group', async () => {
    const { order, call, end } = callersOf(createSlots({ count: 1 }))
    const pause = Promise.withResolvers<void>()
    void call('a1', async (slot) => {
      await slot.without(() => pause.promise)
      order.push('a1 again')
    })
    void call('a2')
    void call('b1')
    await Bun.sleep(0)
    expect(order).toEqual(['a1', 'b1'])
    pause.resolve()
    await Bun.sleep(0)
    await end('b1')
    expect(order).toEqual(['a1', 'b1', 'a1 again'])
    await end('a1')
    expect(order).toEqual(['a1', 'b1', 'a1 again', 'a2'])
    await end('a2')
  })

  test('the limit of started callers includes callers that released their slot', async () => {
    const { order, call, end } = callersOf(createSlots({ count: 1, started: 2 }))
    const pauses = ['a', 'b'].map(() => Promise.withResolvers<void>())
    void call('a1', (slot) => slot.without(() => pauses[0]?.promise ?? Promise.resolve()))
    void call('b1', (slot) => slot.without(() => pauses[1]?.promise ?? Promise.resolve()))
    void call('c1')
    await Bun.sleep(0)
    expect(order).toEqual(['a1', 'b1'])
    pauses[0]?.resolve()
    await end('a1')
    await Bun.sleep(0)
    expect(order).toEqual(['a1', 'b1', 'c1'])
    pauses[1]?.resolve()
    await end('c1', 'b1')
  })

  test('a caller that aborts while waiting, or fails without its slot, holds no slot', async () => {
    const slots = createSlots({ count: 1 })
    const { order, call, end } = callersOf(slots)
    void call('a1')
    const leaving = new AbortController()
    const left = slots.within({ group: 'b', signal: leaving.signal }, async () => {})
    leaving.abort(new Error('left'))
    expect(await left.catch((error: unknown) => error)).toEqual(new Error('left'))
    const failed = call('c1', (slot) => slot.without(() => Promise.reject(new Error('no room')))).catch(
      (error: unknown) => error,
    )
    await end('a1')
    expect(await failed).toEqual(new Error('no room'))
    void call('c2')
    await Bun.sleep(0)
    expect(order).toEqual(['a1', 'c1', 'c2'])
    await end('c2')
  })
})
