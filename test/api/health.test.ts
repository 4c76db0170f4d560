import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { type Client, clientOf } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'

setDefaultTimeout(60_000)

let service: TestService
let anyone: Client

beforeAll(async () => {
  service = await startService({ kind: embedded })
  anyone = clientOf(service.url)
})
afterAll(() => service.close())

const WELL = {
  database: { ready: true, detail: 'The database answers' },
  storage: { ready: true, detail: 'The storage can be read and written' },
  queue: { ready: true, detail: 'No span waits' },
}

test('live, whatever else is missing', async () => {
  service.engine.state = { ready: false, detail: 'x' }
  for (const path of ['/health/live', '/health/live/']) {
    expect(await anyone.ask(path)).toMatchObject({ status: 200, body: { status: 'ok' } })
  }
})

test('ready', async () => {
  service.engine.state = { ready: true, detail: 'The engine is there' }
  const { status, body } = await anyone.ask('/health/ready')
  expect(status).toBe(200)
  expect(body).toEqual({
    ready: true,
    checks: { ...WELL, engine: { ready: true, detail: 'The engine is there' } },
  })
})

test('not ready: 503, with the engine’s sentence', async () => {
  const engine = { ready: false, detail: 'The model is being fetched: 12 of 145 MB' }
  service.engine.state = engine
  const { status, body } = await anyone.ask('/health/ready')
  expect(status).toBe(503)
  expect(body).toEqual({ ready: false, checks: { ...WELL, engine } })
})

test('a database that does not answer: 503, with what to check', async () => {
  service.engine.state = { ready: true, detail: 'The engine is there' }
  service.health.databaseAnswers = false
  const { status, body } = await anyone.ask('/health/ready')
  service.health.databaseAnswers = true
  expect(status).toBe(503)
  expect(body).toMatchObject({
    ready: false,
    checks: {
      database: { ready: false, detail: expect.stringContaining('DATABASE_URL') },
      engine: { ready: true },
    },
  })
})
