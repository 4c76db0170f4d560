import { StartError } from './errors.ts'
import { parseNat64Prefix, parseNetwork } from './outbound/networks.ts'

type Setting<T> = {
  /** Its description in docs/configuration.md. */
  doc: string
  /** What it takes, as the end of "takes …". */
  takes: string
  parse: (text: string) => T | undefined
}

/** A value that the service cannot start with. */
export class SettingError extends StartError {
  override name = 'SettingError'
}

const preset = <T>(setting: Setting<T> & { default: string }) => setting

/** `unset` says in docs/configuration.md what holds if there is no value. */
const optional = <T>(setting: Setting<T> & { unset: string }) => setting

const text = (text: string) => text.trim() || undefined

const url = (text: string) =>
  URL.canParse(text) && /^https?:/.test(text) ? text.replace(/(?<!\/)\/+$/, '') : undefined

const oneOf =
  <const T extends string>(...values: T[]) =>
  (text: string) =>
    values.find((value) => value === text)

const integer = (min: number, max: number) => (text: string) => {
  const value = Number(text)
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined
}

const bytesOrUnlimited = (text: string) =>
  text === 'unlimited' ? text : integer(1, Number.MAX_SAFE_INTEGER)(text)

const urlList = (text: string) => {
  const urls = text.split(',').map((part) => url(part.trim()))
  return urls.every((one) => one !== undefined) ? urls : undefined
}

const networkList = (text: string) => {
  const networks = text.split(',').map((part) => parseNetwork(part.trim()))
  return networks.every((one) => one !== undefined) ? networks : undefined
}

const postgresUrl = (text: string) =>
  /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? text : undefined

type Inference = 'sidecar' | 'hosted'
type Registration = 'first' | 'open' | 'closed'

const preference = (text: string): [Inference, ...Inference[]] | undefined => {
  const [first, second, ...more] = text.split(',').map((part) => oneOf('sidecar', 'hosted')(part.trim()))
  if (!first || more.length > 0) return undefined
  if (!text.includes(',')) return [first]
  return second && second !== first ? [first, second] : undefined
}

const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/
const FOLDER = /^(\/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*\/?$/

const bucketUrl = (text: string) => {
  const { protocol, host, pathname, searchParams, username, hash } = URL.parse(text) ?? {}
  if (protocol !== 's3:' || !host || !searchParams || username || hash) return undefined
  if (!BUCKET.test(host) || !FOLDER.test(pathname ?? '')) return undefined
  const { endpoint: given, region = 'us-east-1', ...others } = Object.fromEntries(searchParams)
  const endpoint = given === undefined ? undefined : url(given)
  if (given !== undefined && (!endpoint || /[?#@]/.test(endpoint))) return undefined
  if (!/^[a-z0-9-]+$/.test(region) || Object.keys(others).length > 0) return undefined
  return { bucket: host, prefix: pathname?.replace(/^\/|\/$/g, '') || undefined, endpoint, region }
}

const headerList = (text: string): Record<string, string> | undefined => {
  const pairs = text.split(',').map((part) => /^\s*([\w!#$%&'*+.^`|~-]+)\s*=(.*)$/.exec(part))
  try {
    const entries = pairs.map((pair) => [pair?.[1] ?? '', decodeURIComponent(pair?.[2]?.trim() ?? '')])
    const isUsable = entries.every(([name, value]) => name && !/[^\t\x20-\x7e]/.test(value ?? ''))
    return isUsable ? Object.fromEntries(entries) : undefined
  } catch {
    return undefined
  }
}

const SAMPLERS = {
  always_on: { root: 'on', isParentBased: false },
  always_off: { root: 'off', isParentBased: false },
  traceidratio: { root: 'ratio', isParentBased: false },
  parentbased_always_on: { root: 'on', isParentBased: true },
  parentbased_always_off: { root: 'off', isParentBased: true },
  parentbased_traceidratio: { root: 'ratio', isParentBased: true },
} as const

const sampler = (text: string) => Object.entries(SAMPLERS).find(([name]) => name === text)?.[1]

const share = (text: string) => {
  const value = Number(text)
  return /^[\d.]+$/.test(text) && value >= 0 && value <= 1 ? value : undefined
}

const secrets = (text: string): [string, ...string[]] | undefined => {
  const [first, ...others] = text.split(',').map((part) => part.trim())
  return first && [first, ...others].every((one) => one.length >= 32) ? [first, ...others] : undefined
}

/** Every setting of the service, in the order of docs/configuration.md. */
export const SETTINGS = {
  PORT: preset({
    doc: 'Port of the API',
    takes: 'a port number (0 picks a free one)',
    default: '3000',
    parse: integer(0, 65_535),
  }),
  HOST: preset({
    doc: 'Address to listen on. `0.0.0.0` is every address of the machine: other machines then reach the service',
    takes: 'an address',
    default: '127.0.0.1',
    parse: text,
  }),
  DATA_DIR: preset({
    doc: 'Where everything is kept that is not kept elsewhere: database, files, Python environment, model',
    takes: 'a folder',
    default: './data',
    parse: text,
  }),
  MODE: preset({
    doc: 'What this process does: everything, the API alone, or the work alone; more than one process take a `DATABASE_URL`',
    takes: '`all`, `api` or `worker`',
    default: 'all',
    parse: oneOf('all', 'api', 'worker'),
  }),
  DATABASE_URL: optional({
    doc: 'A Postgres (15 or newer) in place of the embedded one',
    takes: 'a postgres:// URL',
    unset: 'PGlite in `DATA_DIR`',
    parse: postgresUrl,
  }),
  DATABASE_CONNECTIONS: optional({
    doc: 'Connections to `DATABASE_URL` that this process may open for its statements; its queue opens up to 3 more, and one listens',
    takes: 'a whole number from 1',
    unset: '3 with `MODE=worker`, else 10',
    parse: integer(1, 1000),
  }),
  STORAGE_URL: optional({
    doc: 'A bucket for the audio, in S3 or a store that speaks its language, in place of a folder',
    takes: '`s3://bucket/folder?endpoint=https://…&region=…`, of which only the bucket is needed',
    unset: '`DATA_DIR`',
    parse: bucketUrl,
  }),
  AWS_ACCESS_KEY_ID: optional({
    doc: 'Who uses the bucket of `STORAGE_URL`',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  AWS_SECRET_ACCESS_KEY: optional({ doc: 'And its secret', takes: 'text', unset: 'none', parse: text }),
  AWS_SESSION_TOKEN: optional({
    doc: 'The token of credentials that are for a while',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  RETENTION_DAYS: optional({
    doc: 'Days after a transcription’s end when its audio is removed; the transcript stays',
    takes: 'a whole number of days up to 36500',
    unset: 'it is kept until the transcription is deleted',
    parse: integer(1, 36_500),
  }),
  ORPHAN_DAYS: preset({
    doc: 'Days that a stored folder is kept which no row of the database knows, from when it is first seen',
    takes: 'a whole number of days from 1 to 36500',
    default: '30',
    parse: integer(1, 36_500),
  }),
  MAX_ORPHANS: preset({
    doc: 'Maximum number of such folders; if there are more, the sweep removes none of them until an operator has looked',
    takes: 'a whole number',
    default: '20',
    parse: integer(0, Number.MAX_SAFE_INTEGER),
  }),
  PUBLIC_URL: optional({
    doc: 'Where clients reach the API; `audio_file` URLs and the links of webhooks start with it',
    takes: 'an http(s) URL',
    unset: '`http://localhost:PORT`',
    parse: url,
  }),
  JWT_SECRET: optional({
    doc: 'Signs access tokens and audio URLs, and encrypts webhook secrets; the same for all processes, and must be set when `NODE_ENV=production`. Of several, the first signs and encrypts, and the others are still accepted',
    takes: 'at least 32 characters, without commas; or several such, separated by commas',
    unset: 'made once and kept in `DATA_DIR`',
    parse: secrets,
  }),
  REGISTRATION: optional({
    doc: 'Who may register: only the first account of all, which becomes an administrator’s (`first`), anyone (`open`), or nobody (`closed`)',
    takes: '`first`, `open` or `closed`',
    unset: '`closed` if `AUTH_JWKS_URL` is set, else `first`',
    parse: oneOf('first', 'open', 'closed'),
  }),
  LOGINS_PER_MINUTE: preset({
    doc: 'Maximum attempts to log in or register per minute and address, and wrong passwords per minute in one session. An account that many addresses try is slowed down, never locked; refreshes and log-outs count towards ten times as many requests per minute and address',
    takes: 'a whole number from 1',
    default: '20',
    parse: integer(1, 1_000_000),
  }),
  TRUSTED_PROXIES: preset({
    doc: 'Proxies before the service whose `X-Forwarded-For` says where a request comes from',
    takes: 'a whole number up to 10',
    default: '0',
    parse: integer(0, 10),
  }),
  AUTH_JWKS_URL: optional({
    doc: 'The keys (JWKS) of an identity provider whose JWTs are taken beside the service’s own; takes `AUTH_ISSUER` and `AUTH_AUDIENCE` too',
    takes: 'an http(s) URL',
    unset: 'its own tokens alone are taken',
    parse: url,
  }),
  AUTH_ISSUER: optional({
    doc: 'The `iss` of the provider’s tokens, to the letter',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  AUTH_AUDIENCE: optional({
    doc: 'The `aud` that its tokens must name: this service',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  MAX_UPLOAD_BYTES: preset({
    doc: 'Largest upload, in bytes',
    takes: 'a whole number of bytes',
    default: '2147483648',
    parse: integer(1, Number.MAX_SAFE_INTEGER),
  }),
  MAX_AUDIO_SECONDS: preset({
    doc: 'Longest audio, in seconds',
    takes: 'a whole number of seconds up to 1209600 (14 days)',
    default: '86400',
    parse: integer(1, 1_209_600),
  }),
  MAX_CONCURRENT_PER_USER: optional({
    doc: 'Spans of one user that engines are at, at a time, on all machines together; those of half a minute or less are counted apart',
    takes: 'a whole number from 1',
    unset: 'as many as there is room for',
    parse: integer(1, 10_000),
  }),
  OUTBOUND_ALLOW: optional({
    doc: 'What `audio_url` and webhooks may reach beside public hosts',
    takes: 'addresses and networks such as `10.0.0.0/8`, separated by commas',
    unset: 'public hosts alone',
    parse: networkList,
  }),
  NAT64_PREFIX: optional({
    doc: 'The prefix of this network’s NAT64, if it has one: `audio_url` and webhooks reach an address in it if they may reach the IPv4 address that it embeds (RFC 6052)',
    takes: 'an IPv6 network of 32, 40, 48, 56, 64 or 96 bits such as `64:ff9b::/96`',
    unset: 'none',
    parse: parseNat64Prefix,
  }),
  REQUESTS_PER_MINUTE: optional({
    doc: 'Requests of one user a minute',
    takes: 'a whole number from 1',
    unset: 'as many as there are',
    parse: integer(1, 1_000_000),
  }),
  MAX_OPEN_PER_USER: optional({
    doc: 'Transcriptions of one user that may be queued or under way at a time',
    takes: 'a whole number from 1',
    unset: 'as many as are uploaded',
    parse: integer(1, 1_000_000),
  }),
  AUDIO_SECONDS_PER_DAY: optional({
    doc: 'Seconds of audio that one user may have transcribed on a day (UTC)',
    takes: 'a whole number of seconds from 1',
    unset: 'as many as are uploaded',
    parse: integer(1, Number.MAX_SAFE_INTEGER),
  }),
  STORAGE_BYTES_PER_USER: preset({
    doc: 'Maximum bytes that one user may store: originals, unfinished resumable uploads, and decoded audio that waits for an engine',
    takes: 'a whole number of bytes, or `unlimited`',
    default: '21474836480',
    parse: bytesOrUnlimited,
  }),
  STORAGE_FREE_MIN_BYTES: preset({
    doc: 'Free bytes to keep on the disk of `DATA_DIR`: below it, uploads get 507 (`storage_full`). Not used with `STORAGE_URL`',
    takes: 'a whole number of bytes',
    default: '1073741824',
    parse: integer(0, Number.MAX_SAFE_INTEGER),
  }),
  DECODE_AHEAD_SECONDS: preset({
    doc: 'Seconds of one user’s audio that may be decoded ahead of the engines, at 32 KB of storage a second',
    takes: 'a whole number of seconds from 600',
    default: '7200',
    parse: integer(600, 1_209_600),
  }),
  INFERENCE: optional({
    doc: 'Which engines transcribe, the preferred first; audio goes to no other',
    takes: '`sidecar`, `hosted`, `sidecar,hosted` or `hosted,sidecar`',
    unset: '`hosted` if `HF_TOKEN` or `HF_ENDPOINT_URL` is set and `SIDECAR_URL` is not, else `sidecar`',
    parse: preference,
  }),
  HOSTED_SECONDS_PER_DAY: optional({
    doc: 'Seconds of audio that may be sent to hosted inference on a day (UTC)',
    takes: 'a whole number of seconds',
    unset: 'as many as there are',
    parse: integer(0, Number.MAX_SAFE_INTEGER),
  }),
  SIDECAR_URL: optional({
    doc: 'Sidecars to use, separated by commas',
    takes: 'http(s) URLs separated by commas',
    unset: 'the service starts a CPU sidecar itself',
    parse: urlList,
  }),
  SIDECAR_API_KEY: optional({
    doc: 'Sent to the sidecars of `SIDECAR_URL` as bearer token (their `API_KEY`)',
    takes: 'text',
    unset: 'none is sent',
    parse: text,
  }),
  SIDECAR_DIR: optional({
    doc: 'Where the CPU sidecar that the service starts keeps its Python environment and model',
    takes: 'a folder',
    unset: '`DATA_DIR/sidecar`',
    parse: text,
  }),
  PYTHON: optional({
    doc: 'The Python (3.11 or newer) that the CPU sidecar’s environment is made with',
    takes: 'a path or command',
    unset: 'the first that fits of `python3`, `python3.14` … `python3.11`, `python`',
    parse: text,
  }),
  MODEL: optional({
    doc: 'The Whisper model of the CPU sidecar that the service starts',
    takes: 'a folder or a model name on the Hugging Face hub',
    unset: 'Whisper base, whose files are checked by their sha256',
    parse: text,
  }),
  HF_TOKEN: optional({ doc: 'Hugging Face access token', takes: 'text', unset: 'none', parse: text }),
  HF_MODEL: preset({
    doc: 'Model for hosted inference',
    takes: 'a model name',
    default: 'openai/whisper-large-v3-turbo',
    parse: text,
  }),
  HF_PROVIDER: preset({
    doc: 'Inference provider',
    takes: 'one of `hf-inference`, `fal-ai`, `together`, `deepinfra`, `replicate`',
    default: 'hf-inference',
    parse: oneOf('hf-inference', 'fal-ai', 'together', 'deepinfra', 'replicate'),
  }),
  HF_ENDPOINT_URL: optional({
    doc: 'A dedicated inference endpoint, used in place of `HF_MODEL` and `HF_PROVIDER`',
    takes: 'an http(s) URL',
    unset: 'none',
    parse: url,
  }),
  LOG: preset({
    doc: 'How the log is written: lines to read, or JSON, with a line for each request too',
    takes: '`text` or `json`',
    default: 'text',
    parse: oneOf('text', 'json'),
  }),
  METRICS_TOKEN: optional({
    doc: 'Bearer token for `/metrics` and for the details of `/health/ready`; an administrator’s access token works too',
    takes: 'text',
    unset:
      'open while only this machine reaches the service (`HOST` is a loopback address, and `PUBLIC_URL` and `TRUSTED_PROXIES` name no proxy), otherwise closed',
    parse: text,
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional({
    doc: 'An OpenTelemetry collector that traces are sent to, by OTLP over HTTP (`/v1/traces` is added)',
    takes: 'an http(s) URL',
    unset: 'no traces are made',
    parse: url,
  }),
  OTEL_EXPORTER_OTLP_HEADERS: optional({
    doc: 'Sent with them, such as a token',
    takes: '`name=value` pairs separated by commas, values percent-encoded',
    unset: 'none are sent',
    parse: headerList,
  }),
  OTEL_SERVICE_NAME: preset({
    doc: 'What this process is called in traces',
    takes: 'text',
    default: 'verbatim',
    parse: text,
  }),
  OTEL_TRACES_SAMPLER: preset({
    doc: 'Which traces are kept; with `parentbased_`, what goes on with a caller’s is kept where the caller’s is',
    takes:
      '`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`',
    default: 'parentbased_always_on',
    parse: sampler,
  }),
  OTEL_TRACES_SAMPLER_ARG: preset({
    doc: 'The share of traces that a ratio keeps',
    takes: 'a number from 0 to 1',
    default: '1',
    parse: share,
  }),
  NODE_ENV: preset({
    doc: '`production` refuses to start on a secret of its own making',
    takes: 'text',
    default: 'development',
    parse: text,
  }),
}

/** A wrong value of these is not shown. */
const SECRET = new Set(['JWT_SECRET', 'OTEL_EXPORTER_OTLP_HEADERS'])

type Table = typeof SETTINGS
type Value<S> = S extends { parse: (text: string) => infer T }
  ? S extends { default: string }
    ? Exclude<T, undefined>
    : T
  : never

/** Settings with a default always have a value; the others may be undefined. */
export type Settings = { [K in Exclude<keyof Table, Derived>]: Value<Table[K]> } & {
  INFERENCE: [Inference, ...Inference[]]
  REGISTRATION: Registration
}

/** Whose default depends on other settings. */
type Derived = 'INFERENCE' | 'REGISTRATION'

/**
 * Reads the settings from an environment. An empty value counts as unset.
 * Throws `SettingError` naming the setting, what it got and what it takes.
 */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const entries = Object.entries(SETTINGS).map(([name, setting]) => {
    const text = env[name] || ('default' in setting ? setting.default : undefined)
    if (text === undefined) return [name, undefined]
    const value = setting.parse(text)
    if (value === undefined) {
      const got = SECRET.has(name) ? `${text.length} characters` : JSON.stringify(withoutPassword(text))
      throw new SettingError(`${name} is ${got}; it takes ${setting.takes}`)
    }
    return [name, value]
  })
  const settings: Omit<Settings, Derived> & Partial<Settings> = Object.fromEntries(entries)
  return {
    ...settings,
    INFERENCE: settings.INFERENCE ?? defaultInference(settings),
    // With an identity provider, a local account is an exception that an operator asks for.
    REGISTRATION: settings.REGISTRATION ?? (settings.AUTH_JWKS_URL ? 'closed' : 'first'),
  }
}

/** Whether only this machine reaches the service: it listens on a loopback address, and no proxy is configured. */
export function isLocal({ HOST, PUBLIC_URL, TRUSTED_PROXIES }: Settings): boolean {
  const isPublic = PUBLIC_URL !== undefined && !isLoopback(new URL(PUBLIC_URL).hostname)
  return isLoopback(HOST) && !isPublic && TRUSTED_PROXIES === 0
}

const isLoopback = (host: string) => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

/** The bucket and who uses it; null where none is set. Throws `SettingError`. */
export function bucketOf({
  STORAGE_URL: place,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_SESSION_TOKEN: sessionToken,
}: Settings) {
  if (!place) return null
  if (!accessKeyId || !secretAccessKey) {
    throw new SettingError('STORAGE_URL is set; it takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY too')
  }
  return { ...place, credentials: { accessKeyId, secretAccessKey, sessionToken } }
}

function defaultInference({ HF_TOKEN, HF_ENDPOINT_URL, SIDECAR_URL }: Omit<Settings, Derived>): [Inference] {
  return [(HF_TOKEN || HF_ENDPOINT_URL) && !SIDECAR_URL ? 'hosted' : 'sidecar']
}

function withoutPassword(url: string) {
  return url.replace(/^([^:/]*:\/\/[^/@:]*:)[^/]*@/, '$1***@')
}
