import { expect, test } from 'bun:test'
import { startPollLoop } from '../../src/queue/poll-loop.ts'

test('a wake is heard at whatever moment of a round it comes, also just behind its end', async () => {
  for (let ticks = 0; ticks < 12; ticks++) {
    let begun = 0
    const round = async () => {
      begun += 1
      return false
    }
    const rounds = startPollLoop({ round, everyMs: 3_600_000, onError: () => {} })
    rounds.wake()
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    rounds.wake()
    await Bun.sleep(1)
    await rounds.stop()
    expect({ ticks, begun }).toEqual({ ticks, begun: 2 })
  }
})
