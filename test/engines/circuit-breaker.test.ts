import { afterEach, beforeEach, expect, setSystemTime, test } from 'bun:test'
import { CircuitOpen, createCircuitBreaker } from '../../src/engines/circuit-breaker.ts'

const PAUSE_MS = { first: 1000, most: 3000 }
const failure = new Error('down')
const refusal = new TypeError('refused')

let now: number
beforeEach(() => {
  now = Date.now()
})
afterEach(() => {
  setSystemTime()
})

function advance(ms: number) {
  now += ms
  setSystemTime(now)
}

function breaker() {
  const execute = createCircuitBreaker({
    isFailure: (error) => error === failure,
    failuresToOpen: 2,
    pauseMs: PAUSE_MS,
  })
  const outcome = (work: () => Promise<unknown>) => execute(work).catch((error: unknown) => error)
  return {
    outcome,
    fail: () => outcome(() => Promise.reject(failure)),
    refuse: () => outcome(() => Promise.reject(refusal)),
    succeed: () => outcome(async () => 'done'),
  }
}

test('failures in a row open the circuit', async () => {
  const { fail, succeed } = breaker()
  expect(await fail()).toBe(failure)
  expect(await fail()).toBe(failure)
  expect(await succeed()).toBeInstanceOf(CircuitOpen)
})

test('a success between failures keeps the circuit closed', async () => {
  const { fail, succeed } = breaker()
  await fail()
  await succeed()
  await fail()
  expect(await succeed()).toBe('done')
})

test('an error that is no failure neither opens a circuit nor resets the count', async () => {
  const { fail, refuse, succeed } = breaker()
  await fail()
  for (let time = 0; time < 3; time++) expect(await refuse()).toBe(refusal)
  await fail()
  expect(await succeed()).toBeInstanceOf(CircuitOpen)
})

test('a success after the pause closes the circuit', async () => {
  const { fail, succeed } = breaker()
  await fail()
  await fail()
  advance(PAUSE_MS.first)
  expect(await succeed()).toBe('done')
  await fail()
  expect(await succeed()).toBe('done')
})

test('an error that is no failure closes the circuit after the pause', async () => {
  const { fail, refuse, succeed } = breaker()
  await fail()
  await fail()
  advance(PAUSE_MS.first)
  expect(await refuse()).toBe(refusal)
  expect(await succeed()).toBe('done')
})

test('each failed trial doubles the pause, up to the longest one', async () => {
  const { fail, succeed } = breaker()
  await fail()
  await fail()
  // A pause is at least half of its nominal length.
  for (const nominalMs of [1000, 2000, 3000, 3000]) {
    advance(nominalMs / 2 - 1)
    expect(await succeed()).toBeInstanceOf(CircuitOpen)
    advance(nominalMs / 2 + 1)
    expect(await fail()).toBe(failure)
  }
  advance(PAUSE_MS.most)
  expect(await succeed()).toBe('done')
})

test('only one call at a time may try an open circuit', async () => {
  const { fail, outcome, succeed } = breaker()
  await fail()
  await fail()
  advance(PAUSE_MS.first)
  const trial = Promise.withResolvers<string>()
  const trialOutcome = outcome(() => trial.promise)
  expect(await succeed()).toBeInstanceOf(CircuitOpen)
  trial.resolve('tried')
  expect(await trialOutcome).toBe('tried')
  expect(await succeed()).toBe('done')
})

test('a call from before the circuit opened does not close it', async () => {
  const { fail, outcome, succeed } = breaker()
  const early = Promise.withResolvers<string>()
  const earlyOutcome = outcome(() => early.promise)
  await fail()
  await fail()
  early.resolve('late')
  expect(await earlyOutcome).toBe('late')
  expect(await succeed()).toBeInstanceOf(CircuitOpen)
})
