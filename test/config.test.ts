import { describe, expect, test } from 'bun:test'
import { DEFAULT_MODEL_ALIASES, modelAliases } from '../src/config/model-aliases.ts'
import { readSettings, SETTINGS, SettingError } from '../src/config.ts'

const SECRET = 'a secret of thirty-two characters'

test('an empty environment has the defaults', () => {
  expect(readSettings({})).toEqual({
    PORT: 3000,
    HOST: '127.0.0.1',
    DATA_DIR: './data',
    DATABASE_URL: undefined,
    DATABASE_CONNECTIONS: undefined,
    STORAGE_URL: undefined,
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_SESSION_TOKEN: undefined,
    RETENTION_DAYS: undefined,
    ORPHAN_DAYS: 30,
    MAX_ORPHANS: 20,
    PUBLIC_URL: undefined,
    CORS_ORIGINS: undefined,
    JWT_SECRET: undefined,
    REGISTRATION: 'first',
    LOGINS_PER_MINUTE: 20,
    TRUSTED_PROXIES: 0,
    REQUESTS_PER_MINUTE: undefined,
    MAX_OPEN_PER_USER: undefined,
    AUDIO_SECONDS_PER_DAY: undefined,
    STORAGE_BYTES_PER_USER: 20 * 2 ** 30,
    STORAGE_FREE_MIN_BYTES: 2 ** 30,
    DECODE_AHEAD_SECONDS: 7200,
    AUTH_JWKS_URL: undefined,
    AUTH_ISSUER: undefined,
    AUTH_AUDIENCE: undefined,
    MAX_UPLOAD_BYTES: 2 ** 31,
    MAX_AUDIO_SECONDS: 86_400,
    MODE: 'all',
    MAX_CONCURRENT_PER_USER: undefined,
    OUTBOUND_ALLOW: undefined,
    NAT64_PREFIX: undefined,
    INFERENCE: ['sidecar'],
    MODEL_ALIASES: modelAliases(DEFAULT_MODEL_ALIASES) ?? new Map(),
    DEFAULT_MODEL: undefined,
    VERIFY_MODEL: undefined,
    DEFAULT_QUALITY: 'balanced',
    HOSTED_SECONDS_PER_DAY: undefined,
    SIDECAR_URL: undefined,
    SIDECAR_API_KEY: undefined,
    SIDECAR_DIR: undefined,
    PYTHON: undefined,
    MODEL: undefined,
    HF_TOKEN: undefined,
    HF_MODEL: ['openai/whisper-large-v3-turbo'],
    HF_PROVIDER: 'hf-inference',
    HF_ENDPOINT_URL: undefined,
    OPENAI_BASE_URL: 'https://api.openai.com/v1',
    OPENAI_API_KEY: undefined,
    OPENAI_MODEL: ['whisper-1'],
    OPENAI_SECONDS_PER_DAY: undefined,
    LOG: 'text',
    METRICS_TOKEN: undefined,
    OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
    OTEL_EXPORTER_OTLP_HEADERS: undefined,
    OTEL_SERVICE_NAME: 'verbatim',
    OTEL_TRACES_SAMPLER: { root: 'on', isParentBased: true },
    OTEL_TRACES_SAMPLER_ARG: 1,
    NODE_ENV: 'development',
  })
})

test('an empty value, as compose files write it, counts as unset', () => {
  const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '']))
  expect(readSettings(empty)).toEqual(readSettings({}))
})

test('registration is closed by default if an identity provider is set', () => {
  const AUTH_JWKS_URL = 'https://id.example/certs'
  expect(readSettings({ AUTH_JWKS_URL }).REGISTRATION).toBe('closed')
  expect(readSettings({ AUTH_JWKS_URL, REGISTRATION: 'first' }).REGISTRATION).toBe('first')
})

test('values are parsed by their types', () => {
  expect(
    readSettings({
      PORT: '0',
      DATABASE_URL: 'postgresql://u:p@db:5432/verbatim?sslmode=require',
      PUBLIC_URL: 'https://example.com/transcribe//',
      JWT_SECRET: SECRET,
      REGISTRATION: 'closed',
      MAX_UPLOAD_BYTES: '1000',
      SIDECAR_URL: 'http://a:8000/, http://b:8000',
    }),
  ).toMatchObject({
    PORT: 0,
    DATABASE_URL: 'postgresql://u:p@db:5432/verbatim?sslmode=require',
    PUBLIC_URL: 'https://example.com/transcribe',
    JWT_SECRET: [SECRET],
    REGISTRATION: 'closed',
    MAX_UPLOAD_BYTES: 1000,
    SIDECAR_URL: ['http://a:8000', 'http://b:8000'],
  })
})

test('headers and samplers are parsed in OpenTelemetry’s format', () => {
  const env = {
    OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20a=b%2C, x-team = speech',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  }
  expect(readSettings(env)).toMatchObject({
    OTEL_EXPORTER_OTLP_HEADERS: { Authorization: 'Bearer a=b,', 'x-team': 'speech' },
    OTEL_TRACES_SAMPLER: { root: 'ratio', isParentBased: true },
    OTEL_TRACES_SAMPLER_ARG: 0.25,
  })
})

test('a list of secrets is rejected if one of them is too short', () => {
  const other = SECRET.toUpperCase()
  expect(readSettings({ JWT_SECRET: `${SECRET}, ${other}` }).JWT_SECRET).toEqual([SECRET, other])
  for (const short of [`${SECRET},`, `${SECRET},short`, `,${SECRET}`]) {
    expect(() => readSettings({ JWT_SECRET: short })).toThrow(`JWT_SECRET is ${short.length} characters`)
  }
})

test.each([
  ['s3://audio', {}],
  ['s3://audio/', {}],
  ['s3://audio/team/verbatim/?region=eu-west-1', { prefix: 'team/verbatim', region: 'eu-west-1' }],
  ['s3://audio?endpoint=http://minio:9000/', { endpoint: 'http://minio:9000' }],
  [
    's3://audio?endpoint=https%3A%2F%2Fr2.example%2Fs3&region=auto',
    { endpoint: 'https://r2.example/s3', region: 'auto' },
  ],
])('STORAGE_URL=%s is a bucket', (STORAGE_URL, parsed) => {
  const defaults = { bucket: 'audio', prefix: undefined, endpoint: undefined, region: 'us-east-1' }
  expect(readSettings({ STORAGE_URL }).STORAGE_URL).toEqual({ ...defaults, ...parsed })
})

test.each([
  ['*', '*'],
  ['https://app.example.com', ['https://app.example.com']],
  [
    'https://App.Example.com:443, http://localhost:5173',
    ['https://app.example.com', 'http://localhost:5173'],
  ],
  ['http://[::1]:8080', ['http://[::1]:8080']],
  ['https://bücher.example', ['https://xn--bcher-kva.example']],
  ['capacitor://localhost', ['capacitor://localhost']],
])('CORS_ORIGINS=%s is parsed into origins as browsers send them', (CORS_ORIGINS, parsed) => {
  expect(readSettings({ CORS_ORIGINS }).CORS_ORIGINS).toEqual(parsed)
})

test.each([
  'app.example.com',
  'https://app.example.com/',
  'https://app.example.com/page',
  'https://app.example.com?a=b',
  'https://ada@app.example.com',
  'https://*.example.com',
  'https://a.example https://b.example',
  'https://a.example,',
  '*,https://app.example.com',
  'null',
])('CORS_ORIGINS=%s is refused with a sentence that names an origin’s parts', (CORS_ORIGINS) => {
  expect(() => readSettings({ CORS_ORIGINS })).toThrow(
    /^CORS_ORIGINS is ".+"; it takes `\*`, or origins such as .+ \(scheme, host and, .+ port; no path\)/,
  )
})

describe('the default of INFERENCE', () => {
  const hosted = { HF_TOKEN: 'hf_x' }
  const endpoint = { HF_ENDPOINT_URL: 'https://e.example' }
  const sidecar = { SIDECAR_URL: 'http://a:8000' }
  test.each([
    ['a token', hosted, 'hosted'],
    ['an endpoint', endpoint, 'hosted'],
    ['a sidecar', sidecar, 'sidecar'],
    ['a token and a sidecar', { ...hosted, ...sidecar }, 'sidecar'],
    ['a token, but INFERENCE=sidecar', { ...hosted, INFERENCE: 'sidecar' }, 'sidecar'],
    ['a sidecar, but INFERENCE=hosted', { ...sidecar, INFERENCE: 'hosted' }, 'hosted'],
  ])('%s', (_, env: Record<string, string>, engine) => {
    expect(readSettings(env).INFERENCE).toEqual([engine === 'hosted' ? 'hosted' : 'sidecar'])
  })
})

test('MODEL_ALIASES takes only engines of INFERENCE', () => {
  const MODEL_ALIASES = 'fast=sidecar, *=whisper-1'
  const aliases = Object.fromEntries(readSettings({ MODEL_ALIASES }).MODEL_ALIASES)
  expect(aliases).toEqual({ fast: 'sidecar', '*': 'whisper-1' })
  expect(() => readSettings({ MODEL_ALIASES, INFERENCE: 'hosted' })).toThrow(
    'MODEL_ALIASES has fast=sidecar, and INFERENCE is hosted',
  )
})

test('INFERENCE lists engines in order of preference', () => {
  expect(readSettings({ INFERENCE: 'hosted, sidecar' }).INFERENCE).toEqual(['hosted', 'sidecar'])
})

describe('an invalid value is an error of one line with the setting, its value and the accepted values', () => {
  const invalid: [name: keyof typeof SETTINGS, value: string][] = [
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '3000.5'],
    ['PORT', 'http'],
    ['PORT', '0x10'],
    ['PORT', ' 80'],
    ['DATABASE_URL', 'mysql://db/verbatim'],
    ['DATABASE_URL', 'postgres://db:port/verbatim'],
    ['STORAGE_URL', 'https://audio.s3.amazonaws.com'],
    ['STORAGE_URL', 's3://'],
    ['STORAGE_URL', 's3://Audio'],
    ['STORAGE_URL', 's3://audio/a//b'],
    ['STORAGE_URL', 's3://audio?region='],
    ['STORAGE_URL', 's3://audio?endpoint=minio:9000'],
    ['STORAGE_URL', 's3://audio?endpont=http://minio:9000'],
    ['RETENTION_DAYS', '0'],
    ['RETENTION_DAYS', '1.5'],
    ['PUBLIC_URL', 'example.com'],
    ['PUBLIC_URL', 'ftp://example.com'],
    ['REGISTRATION', 'no'],
    ['MAX_UPLOAD_BYTES', '0'],
    ['MAX_UPLOAD_BYTES', '2GB'],
    ['MAX_UPLOAD_BYTES', '99999999999999999999'],
    ['MAX_AUDIO_SECONDS', '1209601'],
    ['STORAGE_BYTES_PER_USER', '0'],
    ['STORAGE_BYTES_PER_USER', '20 GiB'],
    ['STORAGE_FREE_MIN_BYTES', '-1'],
    ['DECODE_AHEAD_SECONDS', '599'],
    ['MODE', 'both'],
    ['INFERENCE', 'Sidecar'],
    ['INFERENCE', 'sidecar,sidecar'],
    ['INFERENCE', 'sidecar,'],
    ['INFERENCE', 'hosted,sidecar,hosted'],
    ['DEFAULT_QUALITY', 'high'],
    ['MODEL_ALIASES', 'gpt-4o-transcribe'],
    ['MODEL_ALIASES', '=whisper-1'],
    ['MODEL_ALIASES', 'a=whisper-1,'],
    ['OUTBOUND_ALLOW', '10.0.0.0/33'],
    ['OUTBOUND_ALLOW', '127.1'],
    ['OUTBOUND_ALLOW', '::1,'],
    ['OUTBOUND_ALLOW', 'intranet.example'],
    ['NAT64_PREFIX', '10.0.0.0/8'],
    ['NAT64_PREFIX', '64:ff9b::/95'],
    ['NAT64_PREFIX', '64:ff9b::'],
    ['SIDECAR_URL', 'a:8000'],
    ['SIDECAR_URL', 'http://a:8000,'],
    ['HF_PROVIDER', 'openai'],
    ['HF_ENDPOINT_URL', 'e.example'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4317'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', '-1'],
    ['OTEL_TRACES_SAMPLER_ARG', '.'],
  ]
  test.each(invalid)('%s=%s', (name, value) => {
    const { message } = errorOf({ [name]: value })
    expect(message).toBe(`${name} is ${JSON.stringify(value)}; it takes ${SETTINGS[name].takes}`)
    expect(message).not.toContain('\n')
  })

  test('a line break in the value does not break the line', () => {
    expect(errorOf({ PORT: '80\nx' }).message).not.toContain('\n')
  })

  test('the password of a database is not shown', () => {
    expect(() => readSettings({ DATABASE_URL: 'mysql://user:hunter2@db/x' })).toThrow('mysql://user:***@db/x')
  })

  test('a secret in the URL of a bucket is not shown', () => {
    expect(() => readSettings({ STORAGE_URL: 's3://key:hunter2@audio' })).toThrow('s3://key:***@audio')
  })

  test.each(['hunter2', 'Authorization: hunter2', 'a b=hunter2', 'a=hunter2%', 'a=%0Ahunter2', 'a=hunter2,'])(
    'invalid headers are not shown: %s',
    (OTEL_EXPORTER_OTLP_HEADERS) => {
      const { message } = errorOf({ OTEL_EXPORTER_OTLP_HEADERS })
      expect(message).toStartWith(
        `OTEL_EXPORTER_OTLP_HEADERS is ${OTEL_EXPORTER_OTLP_HEADERS.length} characters; it takes`,
      )
    },
  )

  test('a secret is not shown', () => {
    const { message } = errorOf({ JWT_SECRET: 'too short to be one' })
    expect(message).toBe(`JWT_SECRET is 19 characters; it takes ${SETTINGS.JWT_SECRET.takes}`)
  })
})

function errorOf(env: Record<string, string>): Error {
  try {
    readSettings(env)
  } catch (error) {
    if (error instanceof SettingError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
