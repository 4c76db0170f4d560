import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { buildForWorkerd, runtimes, startEdge } from '../runtime/runtimes.ts'
import { signUp } from '../support/client.ts'
import { startFakeSidecar } from '../support/fake-sidecar.ts'
import { type OwnPostgres, POSTGRES_BIN, startPostgres } from '../support/own-postgres.ts'
import { fixture } from '../support/recordings.ts'
import { type RunningService, startService, withFolder } from '../support/service.ts'

const clip = Bun.file(fixture('speech.mp3'))
const UNAVAILABLE = {
  status: 503,
  code: 'database_unavailable',
  retryAfter: expect.stringMatching(/^[1-9]\d*$/),
}

/** The parts of a response that show an outage. */
async function outcomeOf(answer: Response) {
  const body: { code?: string; transcription_id?: string } = await answer.json()
  const { code, transcription_id: id } = body
  return { status: answer.status, code, id, retryAfter: answer.headers.get('retry-after') }
}

const register = (url: string) =>
  fetch(`${url}/api/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: `${crypto.randomUUID()}@example.com`, password: 'correct horse battery' }),
  })

async function readiness(url: string): Promise<{ ready: boolean; database: string }> {
  const answer = await fetch(`${url}/health/ready`)
  const { checks }: { checks: { database: { detail: string } } } = await answer.json()
  return { ready: answer.status === 200, database: checks.database.detail }
}

async function untilReady(url: string) {
  while (!(await readiness(url)).ready) await Bun.sleep(100)
}

describe.skipIf(!POSTGRES_BIN)('a service whose Postgres is restarted, stopped or read-only', () => {
  const sidecar = startFakeSidecar()
  let database: OwnPostgres
  let service: RunningService
  let user: Awaited<ReturnType<typeof signUp>>
  let folder: Awaited<ReturnType<typeof startIn>>

  async function startIn() {
    const done = Promise.withResolvers<void>()
    const opened = Promise.withResolvers<void>()
    const kept = withFolder(async (DATA_DIR) => {
      service = await startService({
        ...{ DATA_DIR, DATABASE_URL: database.url, SIDECAR_URL: sidecar.url },
        // Registrations are repeated without a pause during the outage.
        LOGINS_PER_MINUTE: '1000000',
      })
      opened.resolve()
      await done.promise
    })
    await Promise.race([opened.promise, kept])
    return async () => {
      done.resolve()
      await kept
    }
  }

  beforeAll(async () => {
    database = await startPostgres()
    folder = await startIn()
    user = await signUp(service.url)
  })
  afterAll(async () => {
    await service?.kill('SIGTERM')
    await folder?.()
    await database?.close()
    await sidecar.stop()
  })

  const upload = () => {
    const form = new FormData()
    form.set('audio', clip, 'recording')
    return fetch(`${service.url}/api/transcribe`, { method: 'POST', headers: user.headers, body: form })
  }
  const list = () => fetch(`${service.url}/api/transcriptions`, { headers: user.headers })

  test('an immediate restart causes only 503 responses, and every accepted upload is transcribed', async () => {
    const outcomes: Awaited<ReturnType<typeof outcomeOf>>[] = []
    let isRunning = true
    const asking = [upload, list, () => register(service.url)].flatMap((ask) =>
      [1, 2].map(async () => {
        while (isRunning) {
          // The connection of an upload that is refused early may be closed before a response arrives.
          const answer = await ask().catch(() => null)
          if (answer) outcomes.push(await outcomeOf(answer))
        }
      }),
    )
    while (outcomes.length < 20) await Bun.sleep(20)
    await database.stop('immediate')
    while (!outcomes.some(({ status }) => status === 503)) await Bun.sleep(20)
    await database.start()
    await untilReady(service.url)
    const before = outcomes.length
    while (outcomes.length < before + 20) await Bun.sleep(20)
    isRunning = false
    await Promise.all(asking)

    const failed = outcomes.filter(({ status }) => status >= 400)
    expect(failed.length).toBeGreaterThan(0)
    for (const outcome of failed) expect(outcome).toMatchObject(UNAVAILABLE)
    const ids = outcomes.flatMap(({ id }) => id ?? [])
    expect(ids.length).toBeGreaterThan(0)
    for (const id of ids) expect((await user.finished(id)).status).toBe('completed')
  })

  test('during an outage requests and /health/ready report it, and work continues afterwards', async () => {
    sidecar.allow(0)
    const { id = '' } = await outcomeOf(await upload())
    while ((await user.status(id)).duration === null) await Bun.sleep(50)
    await database.stop('fast')
    for (const ask of [upload, list, () => register(service.url)]) {
      expect(await outcomeOf(await ask())).toMatchObject(UNAVAILABLE)
    }
    // The state is cached briefly.
    let state = await readiness(service.url)
    while (state.ready) state = await readiness(service.url)
    expect(state.database).toContain('DATABASE_URL')
    // The result of a span that finishes now cannot be written.
    sidecar.release()
    await Bun.sleep(1_000)
    await database.start()
    await untilReady(service.url)
    expect(await user.finished(id)).toMatchObject({ status: 'completed', failure: null })
  })

  test('while Postgres is read-only, reads succeed, writes return 503, and /health/ready states the reason', async () => {
    const admin = postgres(database.url, { max: 1 })
    const setReadOnly = async (value: 'on' | 'off') => {
      await admin.unsafe(`alter system set default_transaction_read_only = ${value}`)
      await admin.unsafe('select pg_reload_conf()')
    }
    await setReadOnly('on')
    while ((await readiness(service.url)).ready) await Bun.sleep(50)
    expect((await list()).status).toBe(200)
    for (const ask of [upload, () => register(service.url)]) {
      expect(await outcomeOf(await ask())).toMatchObject(UNAVAILABLE)
    }
    expect((await readiness(service.url)).database).toContain('read-only')
    await admin.unsafe('set default_transaction_read_only = off')
    await setReadOnly('off')
    await admin.end()
    await untilReady(service.url)
    const { id = '' } = await outcomeOf(await upload())
    expect((await user.finished(id)).status).toBe('completed')
  })
})

describe.skipIf(!POSTGRES_BIN)('the API whose Postgres is stopped', () => {
  let database: OwnPostgres
  beforeAll(async () => {
    await buildForWorkerd()
    database = await startPostgres()
    // A worker creates the tables.
    await withFolder(async (DATA_DIR) => {
      const worker = await startService({
        DATA_DIR,
        DATABASE_URL: database.url,
        SIDECAR_URL: 'http://127.0.0.1:9',
      })
      await worker.kill('SIGTERM')
    })
  })
  afterAll(() => database?.close())

  for (const { name, command } of runtimes) {
    if ('missing' in command) {
      test.skip(`on ${name}: ${command.missing}`, () => {})
      continue
    }
    test(`on ${name} returns 503 during the outage and recovers`, async () => {
      const edge = startEdge(command, (url) => ({
        DATABASE_URL: database.url,
        STORAGE_URL: 's3://nothing?endpoint=http://127.0.0.1:9',
        AWS_ACCESS_KEY_ID: 'none',
        AWS_SECRET_ACCESS_KEY: 'none',
        JWT_SECRET: 'a secret for tests of 32 characters or more',
        REGISTRATION: 'open',
        PUBLIC_URL: url,
      }))
      try {
        await edge.listening
        expect((await register(edge.url)).status).toBe(201)
        await database.stop('fast')
        try {
          expect(await outcomeOf(await register(edge.url))).toMatchObject(UNAVAILABLE)
          expect((await readiness(edge.url)).ready).toBe(false)
        } finally {
          await database.start()
        }
        while ((await register(edge.url)).status !== 201) await Bun.sleep(100)
      } finally {
        await edge.kill('SIGKILL')
      }
    })
  }
})
