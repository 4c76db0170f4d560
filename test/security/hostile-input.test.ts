import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signUp } from '../support/client.ts'
import { type RunningService, startService } from '../support/service.ts'
import { type Hostile, hostileInputs, ordinaryUpload, type Tokens } from './hostile-inputs.ts'
import { type Strain, strainOf } from './strain.ts'

/** The maximum delay of a health check compared with an idle service, and the maximum growth of memory. */
const MAX_DELAY_MS = 100
const MAX_GROWN_MB = 100
/** Other load on the machine also delays health checks, but rarely in each of these tries. */
const TRIES = 5

const ENVIRONMENTS = [
  { name: 'NODE_ENV unset', env: { NODE_ENV: '' } },
  {
    name: 'NODE_ENV=production',
    env: { NODE_ENV: 'production', JWT_SECRET: 'a secret for tests of 32 characters or more' },
  },
]

describe.each(ENVIRONMENTS)('with $name', ({ env }) => {
  let folder: string
  let service: RunningService
  let tokens: Tokens
  let idle: Strain

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-hostile-'))
    service = await startService({
      ...env,
      DATA_DIR: folder,
      DATABASE_URL: '',
      // No sidecar listens there, so nothing is transcribed.
      SIDECAR_URL: 'http://127.0.0.1:9',
      HOST: '127.0.0.1',
      LOGINS_PER_MINUTE: '1000000',
    })
    const user = await signUp(service.url)
    tokens = { access: user.token, key: user.key }
    // The first upload loads modules; their memory must not count.
    await send(service.url, ordinaryUpload(tokens))
    idle = await strainOf(service, () => Bun.sleep(1000))
  }, 600_000)
  afterAll(async () => {
    await service?.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  test.each(hostileInputs({ access: '', key: '' }).map(({ name }) => [name]))(
    '%s',
    async (name) => {
      const input = hostileInputs(tokens).find((candidate) => candidate.name === name)
      if (!input) throw new Error(name)
      let best: Strain = { delayMs: Infinity, grownMb: Infinity }
      for (let tries = 0; tries < TRIES; tries++) {
        const { result, ...strain } = await strainOf(service, () => send(service.url, input))
        if (process.env.SHOW)
          console.log(
            name,
            result.status,
            result.text.slice(0, 140),
            Math.round(strain.delayMs),
            Math.round(strain.grownMb),
          )
        expect(result.status).toBe(input.status)
        best = {
          delayMs: Math.min(best.delayMs, strain.delayMs),
          grownMb: Math.min(best.grownMb, strain.grownMb),
        }
        if (best.delayMs < idle.delayMs + MAX_DELAY_MS && best.grownMb < MAX_GROWN_MB) return
      }
      expect(best.delayMs).toBeLessThan(idle.delayMs + MAX_DELAY_MS)
      expect(best.grownMb).toBeLessThan(MAX_GROWN_MB)
    },
    300_000,
  )
})

async function send(url: string, input: Hostile): Promise<{ status: number; text: string }> {
  if ('bytes' in input) return sendRaw(new URL(url), input.bytes())
  const answer = await fetch(url + input.path, input.init())
  return { status: answer.status, text: await answer.text() }
}

/** Sends raw bytes; resolves when the service has responded and closed the connection. */
async function sendRaw({ hostname, port }: URL, bytes: string) {
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>()
  let text = ''
  const connection = connect(Number(port), hostname, () => connection.write(bytes))
  connection.on('data', (piece) => {
    text += piece
  })
  connection.on('error', reject)
  connection.on('close', () => resolve())
  await closed
  return { status: Number(/^HTTP\/1.1 (\d{3})/.exec(text)?.[1]), text }
}
