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

describe('an outcome that callers are told about', () => {
  test.each(Object.entries(STATUS))(
    '%s answers %d with its sentence, and is not logged',
    async (code, status) => {
      thrown = new VerbatimError(codeOf(code), 'A sentence')
      const answer = await ask('/throw')
      expect(answer).toMatchObject({ status, body: { error: 'A sentence', code } })
      expect(answer.headers.get('content-type')).toContain('application/json')
      expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
      expect(logged).toEqual([])
    },
  )
})

describe('a defect', () => {
  const defects: [what: string, thrown: unknown][] = [
    ['an error', new TypeError('secret of the inside')],
    ['an error with a status of its own', Object.assign(new Error('secret of the inside'), { status: 200 })],
    ['an error that calls itself not found', Object.assign(new Error('secret'), { code: 'ENOENT' })],
  ]
  test.each(defects)(
    '%s: 500 in general words, logged whole and once, under the id told',
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

  test('an answer that breaks the document is no fault of the request', async () => {
    const { status, body } = await ask('/wrong-answer')
    expect({ status, code: body.code }).toEqual({ status: 500, code: 'internal' })
    expect(body.error).not.toContain('count')
    expect(logged).toHaveLength(1)
  })
})

describe('what Elysia finds wrong with a request', () => {
  test('an unknown route', async () => {
    const { status, body } = await ask('/nowhere?secret=1')
    expect({ status, body }).toEqual({
      status: 404,
      body: { error: 'There is nothing at /nowhere', code: 'not_found' },
    })
  })

  test('a body that is not what it says', async () => {
    expect(await post('{')).toMatchObject({
      status: 400,
      body: { error: 'The body is not what its Content-Type says', code: 'validation' },
    })
  })

  test.each([
    ['{"name":"ab","inner":{"count":1}}', 'name', '3'],
    ['{"name":"abc","inner":{"count":"x"}}', 'inner.count', 'number'],
    ['{"inner":{"count":1}}', 'name', 'string'],
  ])('%s: one sentence that names the field and what it takes', async (sent, field, takes) => {
    const { status, body } = await post(sent)
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'validation' })
    expect(body.error).toContain(field)
    expect(body.error).toContain(takes)
    expect(body.error).not.toMatch(/[\n{]/)
    expect(logged).toEqual([])
  })
})
