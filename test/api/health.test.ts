import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Client, clientOf } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'

let service: TestService
let anyone: Client

beforeAll(async () => {
  service = await startService({ kind: embedded })
  anyone = clientOf(service.url)
})
afterAll(() => service.close())

const READY = {
  database: { ready: true, detail: 'The database answers' },
  storage: { ready: true, detail: 'The storage is readable and writable' },
  queue: { ready: true, detail: 'No spans are waiting' },
}

test('/health/live is 200 while the engine is not ready', async () => {
  service.engine.state = { ready: false, detail: 'x' }
  for (const path of ['/health/live', '/health/live/']) {
    expect(await anyone.ask(path)).toMatchObject({ status: 200, body: { status: 'ok' } })
  }
})

test('/health/ready is 200 while all components are ready', async () => {
  service.engine.state = { ready: true, detail: 'The engine is ready' }
  const { status, body } = await anyone.ask('/health/ready')
  expect(status).toBe(200)
  expect(body).toEqual({
    ready: true,
    checks: { ...READY, engine: { ready: true, detail: 'The engine is ready' } },
  })
})

test('/health/ready is 503 with the engine’s explanation while the engine is not ready', async () => {
  const engine = { ready: false, detail: 'Downloading the model: 12 of 145 MB' }
  service.engine.state = engine
  const { status, body } = await anyone.ask('/health/ready')
  expect(status).toBe(503)
  expect(body).toEqual({ ready: false, checks: { ...READY, engine } })
})

test('/health/ready is 503 and says what to check while the database does not answer', async () => {
  service.engine.state = { ready: true, detail: 'The engine is ready' }
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
