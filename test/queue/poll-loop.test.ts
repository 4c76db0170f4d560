import { expect, test } from 'bun:test'
import { startPollLoop } from '../../src/queue/poll-loop.ts'

test('a wake at any moment of a pass, or just after its end, starts another pass', async () => {
  for (let ticks = 0; ticks < 12; ticks++) {
    let passes = 0
    const pass = async () => {
      passes += 1
      return false
    }
    const loop = startPollLoop({ pass, everyMs: () => 3_600_000, onError: () => {} })
    loop.wake()
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    loop.wake()
    await Bun.sleep(1)
    await loop.stop()
    expect({ ticks, passes }).toEqual({ ticks, passes: 2 })
  }
})
