import { beforeEach, describe, expect, test } from 'bun:test'
import { Elysia, t } from 'elysia'
import { type ErrorCode, VerbatimError } from '../../src/errors.ts'
import { problems } from '../../src/http/problems.ts'

const STATUS = {
  validation: 400,
  no_audio_file: 400,
  empty: 400,
  corrupt: 400,
  no_audio_track: 400,
  incomplete_upload: 400,
  unauthorized: 401,
  invalid_credentials: 401,
  invalid_refresh_token: 401,
  registration_closed: 403,
  insufficient_scope: 403,
  wrong_password: 403,
  not_found: 404,
  method_not_allowed: 405,
  model_not_found: 404,
  stopping: 503,
  idempotency_key_in_use: 409,
  idempotency_key_reused: 422,
  not_acceptable: 406,
  email_taken: 409,
  no_password: 409,
  too_many_keys: 409,
  not_ready: 409,
  transcription_failed: 409,
  speakers_missing: 409,
  too_many_voices: 409,
  voice_exists: 409,
  unusable_sample: 422,
  too_large: 413,
  too_long: 413,
  unsupported_type: 415,
  rate_limited: 429,
  too_many_transcriptions: 429,
  audio_limit_reached: 429,
  internal: 500,
  engine_rejected: 502,
  engine_misconfigured: 502,
  part_outside: 400,
  track_outside: 400,
  url_refused: 400,
  url_failed: 502,
  already_over: 409,
  wrong_offset: 409,
  upload_expired: 410,
  unsupported_version: 412,
  webhook_disabled: 409,
  too_many_webhooks: 409,
  too_many_uploads: 409,
  upload_stalled: 408,
  audio_removed: 410,
  audio_missing: 410,
  engine_unavailable: 503,
  engine_overloaded: 503,
  identity_provider_unavailable: 503,
  media_unavailable: 503,
  database_unavailable: 503,
  storage_unavailable: 503,
  storage_full: 507,
  storage_quota_reached: 413,
  too_many_at_once: 429,
} satisfies Record<ErrorCode, number>

const logged: { line: string; error: unknown }[] = []
let thrown: unknown

const app = new Elysia()
  .use(problems({ log: (line, error) => logged.push({ line, error }), routes: () => [] }))
  .get('/throw', () => {
    throw thrown
  })
  .get('/wrong-answer', () => JSON.parse('{"count":"secret"}'), {
    response: { 200: t.Object({ count: t.Number() }) },
  })
  .post('/sum', ({ body }) => body, {
    body: t.Object({ name: t.String({ minLength: 3 }), inner: t.Object({ count: t.Number() }) }),
  })

beforeEach(() => {
  logged.length = 0
})

const isCode = (text: string): text is ErrorCode => text in STATUS

function codeOf(text: string): ErrorCode {
  if (isCode(text)) return text
  throw new TypeError(text)
}

async function ask(path: string, init?: RequestInit) {
  const response = await app.handle(new Request(`http://localhost${path}`, init))
  const body: { error: string; code: string } = await response.json()
  return { status: response.status, headers: response.headers, body }
}

const post = (body: string) =>
  ask('/sum', { method: 'POST', headers: { 'content-type': 'application/json' }, body })

describe('a VerbatimError', () => {
  test.each(Object.entries(STATUS))(
    '%s answers %d with its message, and is not logged',
    async (code, status) => {
      thrown = new VerbatimError(codeOf(code), 'A message')
      const answer = await ask('/throw')
      expect(answer).toMatchObject({ status, body: { error: 'A message', code } })
      expect(answer.headers.get('content-type')).toContain('application/json')
      expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
      expect(logged).toEqual([])
    },
  )
})

describe('a defect', () => {
  const defects: [name: string, thrown: unknown][] = [
    ['an error', new TypeError('an internal secret')],
    ['an error with a status of its own', Object.assign(new Error('an internal secret'), { status: 200 })],
    ['an error that calls itself not found', Object.assign(new Error('secret'), { code: 'ENOENT' })],
  ]
  test.each(defects)(
    '%s answers 500 without its message, and is logged once under the id in the answer',
    async (_, error) => {
      thrown = error
      const { status, body } = await ask('/throw')
      expect(status).toBe(500)
      expect(body).toEqual({
        error: expect.stringMatching(
          /^Failed to process request: unexpected error, logged as [0-9a-f-]{36}$/,
        ),
        code: 'internal',
      })
      expect(logged).toEqual([{ line: expect.any(String), error }])
      expect(logged[0]?.line).toContain(body.error.slice(-36))
    },
  )

  test('a response that does not match its schema is a defect', async () => {
    const { status, body } = await ask('/wrong-answer')
    expect({ status, code: body.code }).toEqual({ status: 500, code: 'internal' })
    expect(body.error).not.toContain('count')
    expect(logged).toHaveLength(1)
  })
})

describe('a request that Elysia rejects', () => {
  test('an unknown route answers 404', async () => {
    const { status, body } = await ask('/nowhere?secret=1')
    expect({ status, body }).toEqual({
      status: 404,
      body: { error: 'There is no route /nowhere', code: 'not_found' },
    })
  })

  test('a body that does not match its Content-Type answers 400', async () => {
    expect(await post('{')).toMatchObject({
      status: 400,
      body: { error: 'The body does not match its Content-Type', code: 'validation' },
    })
  })

  test.each([
    ['{"name":"ab","inner":{"count":1}}', 'name', '3'],
    ['{"name":"abc","inner":{"count":"x"}}', 'inner.count', 'number'],
    ['{"inner":{"count":1}}', 'name', 'string'],
  ])('%s answers 400 with the field and the expected value', async (sent, field, takes) => {
    const { status, body } = await post(sent)
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'validation' })
    expect(body.error).toContain(field)
    expect(body.error).toContain(takes)
    expect(body.error).not.toMatch(/[\n{]/)
    expect(logged).toEqual([])
  })
})
