import { DEFAULT_MODEL_ALIASES, type ModelAliases, modelAliases } from './config/model-aliases.ts'
import {
  bucketUrl,
  bytesOrUnlimited,
  headerList,
  integer,
  names,
  networkList,
  oneOf,
  origins,
  postgresUrl,
  preference,
  sampler,
  secrets,
  share,
  text,
  url,
  urlList,
} from './config/parse.ts'
import { ENGINE_CHOICES, QUALITIES } from './engines/engine.ts'
import { HUGGINGFACE_MODEL, HUGGINGFACE_PROVIDERS } from './engines/huggingface/providers.ts'
import { OPENAI_BASE_URL, OPENAI_MODEL } from './engines/openai/server.ts'
import { StartError } from './errors.ts'
import { parseNat64Prefix } from './outbound/networks.ts'

type Setting<T> = {
  /** What it does, and its unit. */
  doc: string
  /** The accepted values: the end of the error "… is …; it takes …". */
  takes: string
  /** Returns undefined for a text that is not accepted. */
  parse: (text: string) => T | undefined
}

/** A setting has a value that the service cannot start with. */
export class SettingError extends StartError {
  override name = 'SettingError'
}

const preset = <T>(setting: Setting<T> & { default: string }) => setting

/** A setting without a value. `unset` describes the behavior then. */
const optional = <T>(setting: Setting<T> & { unset: string }) => setting

const MAX = Number.MAX_SAFE_INTEGER

/** Every setting of the service, in the order of docs/configuration.md, which repeats these texts. */
export const SETTINGS = {
  PORT: preset({
    doc: 'Port of the API',
    takes: 'a port number; 0 picks a free port',
    default: '3000',
    parse: integer(0, 65_535),
  }),
  HOST: preset({
    doc: 'Address to listen on. The default is reachable from this machine only, `0.0.0.0` from other machines too',
    takes: 'an address',
    default: '127.0.0.1',
    parse: text,
  }),
  DATA_DIR: preset({
    doc: 'Folder for the database, the stored files, the Python environment and the model, unless other settings move them',
    takes: 'a folder',
    default: './data',
    parse: text,
  }),
  MODE: preset({
    doc: 'What this process runs: the API and the worker (`all`), only the API (`api`), or only the worker (`worker`). Several processes need one `DATABASE_URL`',
    takes: '`all`, `api` or `worker`',
    default: 'all',
    parse: oneOf('all', 'api', 'worker'),
  }),
  DATABASE_URL: optional({
    doc: 'URL of a Postgres database (version 15 or newer), used instead of the embedded one',
    takes: 'a postgres:// URL',
    unset: 'PGlite in `DATA_DIR`',
    parse: postgresUrl,
  }),
  DATABASE_CONNECTIONS: optional({
    doc: 'Maximum connections to `DATABASE_URL` that this process opens for statements. Its queue opens up to 3 more, and notifications use one more',
    takes: 'a whole number from 1 to 1000',
    unset: '3 with `MODE=worker`, otherwise 10',
    parse: integer(1, 1000),
  }),
  STORAGE_URL: optional({
    doc: 'Bucket for the audio in S3 or an S3-compatible store, used instead of a folder. The default region is `us-east-1`',
    takes: '`s3://bucket/folder?endpoint=https://…&region=…`; only the bucket is required',
    unset: 'files are stored in `DATA_DIR`',
    parse: bucketUrl,
  }),
  AWS_ACCESS_KEY_ID: optional({
    doc: 'Access key id for the bucket of `STORAGE_URL`',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  AWS_SECRET_ACCESS_KEY: optional({
    doc: 'Secret access key for the bucket of `STORAGE_URL`',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  AWS_SESSION_TOKEN: optional({
    doc: 'Session token for the bucket of `STORAGE_URL`, if the credentials are temporary',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  RETENTION_DAYS: optional({
    doc: 'Days that the audio is kept after its transcription has finished. The transcript stays until the transcription is deleted',
    takes: 'a whole number of days from 1 to 36500',
    unset: 'the audio is kept until the transcription is deleted',
    parse: integer(1, 36_500),
  }),
  ORPHAN_DAYS: preset({
    doc: 'Days that an orphan is kept after it is first seen. An orphan is a stored folder that no row of the database refers to',
    takes: 'a whole number of days from 1 to 36500',
    default: '30',
    parse: integer(1, 36_500),
  }),
  MAX_ORPHANS: preset({
    doc: 'Maximum number of orphans. If there are more, the sweep removes none of them until an operator intervenes',
    takes: 'a whole number',
    default: '20',
    parse: integer(0, MAX),
  }),
  PUBLIC_URL: optional({
    doc: 'URL at which clients reach the API. Links in a status and in webhooks start with it',
    takes: 'an http(s) URL',
    unset: '`http://localhost:PORT`',
    parse: url,
  }),
  CORS_ORIGINS: optional({
    doc: 'Origins whose web pages may call the API from a browser (CORS). `*` allows the pages of every website',
    takes:
      '`*`, or origins such as `https://app.example.com` (scheme, host and, if it is not the default, port; no path), separated by commas',
    unset: 'only pages of the API’s own origin',
    parse: origins,
  }),
  JWT_SECRET: optional({
    doc: 'Secret that signs access tokens and links to audio and events, and encrypts webhook secrets and the headers of callbacks. All processes need the same value. The first of several secrets signs and encrypts; the others are still accepted. Required if `NODE_ENV=production`',
    takes: 'at least 32 characters without commas, or several such secrets separated by commas',
    unset: 'generated once and kept in `DATA_DIR`',
    parse: secrets,
  }),
  REGISTRATION: optional({
    doc: 'Who may register: only the first account, which becomes an administrator (`first`), anyone (`open`), or nobody (`closed`)',
    takes: '`first`, `open` or `closed`',
    unset: '`closed` if `AUTH_JWKS_URL` is set, otherwise `first`',
    parse: oneOf('first', 'open', 'closed'),
  }),
  LOGINS_PER_MINUTE: preset({
    doc: 'Maximum attempts to log in or register per minute and address, and maximum wrong passwords per minute and session. An account that many addresses try is slowed down, never locked. Logins, registrations, refreshes and logouts together are limited to ten times as many requests per minute and address',
    takes: 'a whole number from 1 to 1000000',
    default: '20',
    parse: integer(1, 1_000_000),
  }),
  TRUSTED_PROXIES: preset({
    doc: 'Number of proxies in front of the service whose `X-Forwarded-For` is trusted for the client’s address',
    takes: 'a whole number from 0 to 10',
    default: '0',
    parse: integer(0, 10),
  }),
  AUTH_JWKS_URL: optional({
    doc: 'URL of the keys (JWKS) of an identity provider, whose JWTs are then accepted too. Requires `AUTH_ISSUER` and `AUTH_AUDIENCE`',
    takes: 'an http(s) URL',
    unset: 'only the service’s own tokens are accepted',
    parse: url,
  }),
  AUTH_ISSUER: optional({
    doc: 'Exact `iss` claim of the identity provider’s tokens',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  AUTH_AUDIENCE: optional({
    doc: '`aud` claim that the identity provider’s tokens must contain',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  MAX_UPLOAD_BYTES: preset({
    doc: 'Maximum size of an upload, in bytes',
    takes: 'a whole number of bytes from 1',
    default: '2147483648',
    parse: integer(1, MAX),
  }),
  MAX_AUDIO_SECONDS: preset({
    doc: 'Maximum length of the audio, in seconds',
    takes: 'a whole number of seconds from 1 to 1209600 (14 days)',
    default: '86400',
    parse: integer(1, 1_209_600),
  }),
  MAX_CONCURRENT_PER_USER: optional({
    doc: 'Maximum spans of one user that engines transcribe at the same time, on all machines together. Spans of at most 30 seconds are counted separately',
    takes: 'a whole number from 1 to 10000',
    unset: 'unlimited',
    parse: integer(1, 10_000),
  }),
  OUTBOUND_ALLOW: optional({
    doc: 'Private addresses that `audio_url` and webhooks may reach, in addition to public hosts',
    takes: 'addresses and networks such as `10.0.0.0/8`, separated by commas',
    unset: 'only public hosts',
    parse: networkList,
  }),
  NAT64_PREFIX: optional({
    doc: 'NAT64 prefix of this network (RFC 6052), if it has one. `audio_url` and webhooks may reach an address with this prefix if they may reach the IPv4 address that it embeds',
    takes: 'an IPv6 network of 32, 40, 48, 56, 64 or 96 bits such as `64:ff9b::/96`',
    unset: 'none',
    parse: parseNat64Prefix,
  }),
  REQUESTS_PER_MINUTE: optional({
    doc: 'Maximum requests per user and minute',
    takes: 'a whole number from 1 to 1000000',
    unset: 'unlimited',
    parse: integer(1, 1_000_000),
  }),
  MAX_OPEN_PER_USER: optional({
    doc: 'Maximum unfinished transcriptions per user',
    takes: 'a whole number from 1 to 1000000',
    unset: 'unlimited',
    parse: integer(1, 1_000_000),
  }),
  AUDIO_SECONDS_PER_DAY: optional({
    doc: 'Maximum seconds of transcribed audio per user and day (UTC)',
    takes: 'a whole number of seconds from 1',
    unset: 'unlimited',
    parse: integer(1, MAX),
  }),
  STORAGE_BYTES_PER_USER: preset({
    doc: 'Maximum bytes that one user may store: originals, unfinished resumable uploads, and decoded audio that waits for an engine',
    takes: 'a whole number of bytes from 1, or `unlimited`',
    default: '21474836480',
    parse: bytesOrUnlimited,
  }),
  STORAGE_FREE_MIN_BYTES: preset({
    doc: 'Bytes to keep free on the disk of `DATA_DIR`. Below it, uploads fail with 507 (`storage_full`). Not used with `STORAGE_URL`',
    takes: 'a whole number of bytes',
    default: '1073741824',
    parse: integer(0, MAX),
  }),
  DECODE_AHEAD_SECONDS: preset({
    doc: 'Maximum seconds of one user’s audio that are decoded before an engine is free. Each second takes 32 KB of storage',
    takes: 'a whole number of seconds from 600 to 1209600',
    default: '7200',
    parse: integer(600, 1_209_600),
  }),
  INFERENCE: optional({
    doc: 'Engines that transcribe, in order of preference. Audio is sent to no other engine',
    takes:
      '`sidecar`, `hosted` or `openai`, or several of them separated by commas, such as `sidecar,openai`',
    unset: '`hosted` if `HF_TOKEN` or `HF_ENDPOINT_URL` is set and `SIDECAR_URL` is not, otherwise `sidecar`',
    parse: preference(...ENGINE_CHOICES),
  }),
  MODEL_ALIASES: preset({
    doc: 'Names that `/v1` accepts as `model`, and the model that each means. `whisper-1` leaves engine and model to the service; names of models that an engine runs win over these; the name `*` stands for every other name',
    takes:
      '`name=model` pairs separated by commas, where the model is `whisper-1`, an engine of `INFERENCE` or a model that one runs',
    default: DEFAULT_MODEL_ALIASES,
    parse: modelAliases,
  }),
  DEFAULT_MODEL: optional({
    doc: 'Model of uploads that choose none, on engines that run it',
    takes: 'the name of a model',
    unset: 'the first model of each engine',
    parse: text,
  }),
  VERIFY_MODEL: optional({
    doc: 'Second, larger model that decodes again what the first one was not sure of, for uploads with `verify`',
    takes: 'the name of a model',
    unset: 'uploads with `verify` are refused',
    parse: text,
  }),
  DEFAULT_QUALITY: preset({
    doc: 'The `quality` of uploads that choose none: accuracy against processor time, for the sidecar',
    takes: '`fast`, `balanced` or `best`',
    default: 'balanced',
    parse: oneOf(...QUALITIES),
  }),
  HOSTED_SECONDS_PER_DAY: optional({
    doc: 'Maximum seconds of audio sent to Hugging Face (`hosted`) per day (UTC)',
    takes: 'a whole number of seconds',
    unset: 'unlimited',
    parse: integer(0, MAX),
  }),
  SIDECAR_URL: optional({
    doc: 'URLs of the sidecars',
    takes: 'http(s) URLs separated by commas',
    unset: 'the service starts a CPU sidecar',
    parse: urlList,
  }),
  SIDECAR_API_KEY: optional({
    doc: 'Bearer token for the sidecars of `SIDECAR_URL` (their `API_KEY`)',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  SIDECAR_DIR: optional({
    doc: 'Folder for the Python environment and the models of the CPU sidecar that the service starts',
    takes: 'a folder',
    unset: '`DATA_DIR/sidecar`',
    parse: text,
  }),
  PYTHON: optional({
    doc: 'Python (3.11 to 3.14) that creates the environment of the CPU sidecar',
    takes: 'a path or command',
    unset: 'the first suitable one of `python3`, `python3.14` … `python3.11`, `python`',
    parse: text,
  }),
  MODEL: optional({
    doc: 'Whisper model of the CPU sidecar that the service starts',
    takes: 'a folder or a model name on the Hugging Face hub',
    unset: 'Whisper base, whose files are verified by SHA-256',
    parse: text,
  }),
  HF_TOKEN: optional({
    doc: 'Access token for Hugging Face',
    takes: 'text',
    unset: 'none',
    parse: text,
  }),
  HF_MODEL: preset({
    doc: 'Models for hosted inference, the default first. An upload’s `model` chooses one',
    takes: 'model names separated by commas',
    default: HUGGINGFACE_MODEL,
    parse: names,
  }),
  HF_PROVIDER: preset({
    doc: 'Provider of hosted inference',
    takes: `one of ${HUGGINGFACE_PROVIDERS.map((provider) => `\`${provider}\``).join(', ')}`,
    default: HUGGINGFACE_PROVIDERS[0],
    parse: oneOf(...HUGGINGFACE_PROVIDERS),
  }),
  HF_ENDPOINT_URL: optional({
    doc: 'URL of a dedicated inference endpoint, used instead of `HF_MODEL` and `HF_PROVIDER`',
    takes: 'an http(s) URL',
    unset: 'none',
    parse: url,
  }),
  OPENAI_BASE_URL: preset({
    doc: 'URL of an OpenAI-compatible server, to which `/audio/transcriptions` is appended. Used if `INFERENCE` has `openai`',
    takes: 'an http(s) URL',
    default: OPENAI_BASE_URL,
    parse: url,
  }),
  OPENAI_API_KEY: optional({
    doc: 'API key for the server of `OPENAI_BASE_URL`',
    takes: 'text',
    unset: 'requests have no key',
    parse: text,
  }),
  OPENAI_MODEL: preset({
    doc: 'Models of the server of `OPENAI_BASE_URL`, the default first. An upload’s `model` chooses one',
    takes: 'model names separated by commas',
    default: OPENAI_MODEL,
    parse: names,
  }),
  OPENAI_SECONDS_PER_DAY: optional({
    doc: 'Maximum seconds of audio sent to the server of `OPENAI_BASE_URL` per day (UTC)',
    takes: 'a whole number of seconds',
    unset: 'unlimited',
    parse: integer(0, MAX),
  }),
  LOG: preset({
    doc: 'Log format: lines of text (`text`), or one JSON object per line with an access log (`json`)',
    takes: '`text` or `json`',
    default: 'text',
    parse: oneOf('text', 'json'),
  }),
  METRICS_TOKEN: optional({
    doc: 'Bearer token for `/metrics` and for the details of `/health/ready`. An administrator’s access token works too',
    takes: 'text',
    unset:
      'no token is needed while only this machine reaches the service (`HOST` is a loopback address, and `PUBLIC_URL` and `TRUSTED_PROXIES` name no proxy); otherwise only an administrator’s access token works',
    parse: text,
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional({
    doc: 'URL of an OpenTelemetry collector that receives traces by OTLP over HTTP. `/v1/traces` is appended',
    takes: 'an http(s) URL',
    unset: 'no traces are recorded',
    parse: url,
  }),
  OTEL_EXPORTER_OTLP_HEADERS: optional({
    doc: 'HTTP headers for the collector, such as a token',
    takes: '`name=value` pairs separated by commas, with percent-encoded values',
    unset: 'none',
    parse: headerList,
  }),
  OTEL_SERVICE_NAME: preset({
    doc: 'Name of this process in traces',
    takes: 'text',
    default: 'verbatim',
    parse: text,
  }),
  OTEL_TRACES_SAMPLER: preset({
    doc: 'Sampler that decides which traces are recorded. With `parentbased_`, the decision of a caller’s trace also holds here',
    takes:
      '`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`',
    default: 'parentbased_always_on',
    parse: sampler,
  }),
  OTEL_TRACES_SAMPLER_ARG: preset({
    doc: 'Share of traces that a ratio sampler records',
    takes: 'a number from 0 to 1',
    default: '1',
    parse: share,
  }),
  NODE_ENV: preset({
    doc: '`production` requires `JWT_SECRET` instead of generating one',
    takes: 'text',
    default: 'development',
    parse: text,
  }),
}

/** Settings whose invalid values an error does not show. */
const SECRET = new Set(['JWT_SECRET', 'OTEL_EXPORTER_OTLP_HEADERS'])

type Table = typeof SETTINGS
type Value<S> = S extends { parse: (text: string) => infer T }
  ? S extends { default: string }
    ? Exclude<T, undefined>
    : T
  : never

type Inference = (typeof ENGINE_CHOICES)[number]
type Registration = 'first' | 'open' | 'closed'

/** Settings with a default always have a value; the others may be undefined. */
export type Settings = { [K in Exclude<keyof Table, Derived>]: Value<Table[K]> } & {
  INFERENCE: [Inference, ...Inference[]]
  REGISTRATION: Registration
}

/** Settings whose default depends on other settings. */
type Derived = 'INFERENCE' | 'REGISTRATION'

/**
 * Reads the settings from an environment. An empty value counts as unset. Throws `SettingError`, which names
 * the setting, its value and the accepted values.
 */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const entries = Object.entries(SETTINGS).map(([name, setting]) => {
    const text = env[name] || ('default' in setting ? setting.default : undefined)
    if (text === undefined) return [name, undefined]
    const value = setting.parse(text)
    if (value === undefined) {
      const shown = SECRET.has(name) ? `${text.length} characters` : JSON.stringify(withoutPassword(text))
      throw new SettingError(`${name} is ${shown}; it takes ${setting.takes}`)
    }
    return [name, value]
  })
  const settings: Omit<Settings, Derived> & Partial<Settings> = Object.fromEntries(entries)
  const inference = settings.INFERENCE ?? defaultInference(settings)
  checkAliases(settings.MODEL_ALIASES, inference)
  return {
    ...settings,
    INFERENCE: inference,
    // With an identity provider, local accounts are an exception that an operator must allow.
    REGISTRATION: settings.REGISTRATION ?? (settings.AUTH_JWKS_URL ? 'closed' : 'first'),
  }
}

/**
 * Whether only this machine reaches the service: it listens on a loopback address, and no proxy is
 * configured.
 */
export function isLocal({ HOST, PUBLIC_URL, TRUSTED_PROXIES }: Settings): boolean {
  const isPublic = PUBLIC_URL !== undefined && !isLoopback(new URL(PUBLIC_URL).hostname)
  return isLoopback(HOST) && !isPublic && TRUSTED_PROXIES === 0
}

const isLoopback = (host: string) => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

/** The bucket and its credentials; null if no bucket is set. Throws `SettingError`. */
export function bucketOf({
  STORAGE_URL: bucket,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_SESSION_TOKEN: sessionToken,
}: Settings) {
  if (!bucket) return null
  if (!accessKeyId || !secretAccessKey) {
    throw new SettingError(
      'STORAGE_URL is set without credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY too',
    )
  }
  return { ...bucket, credentials: { accessKeyId, secretAccessKey, sessionToken } }
}

function checkAliases(aliases: ModelAliases, inference: Inference[]): void {
  for (const [name, model] of aliases) {
    const engine = ENGINE_CHOICES.find((name) => name === model)
    if (engine === undefined || inference.includes(engine)) continue
    throw new SettingError(
      `MODEL_ALIASES has ${name}=${model}, and INFERENCE is ${inference.join()}: use an engine of INFERENCE, a model or whisper-1`,
    )
  }
}

function defaultInference({ HF_TOKEN, HF_ENDPOINT_URL, SIDECAR_URL }: Omit<Settings, Derived>): [Inference] {
  return [(HF_TOKEN || HF_ENDPOINT_URL) && !SIDECAR_URL ? 'hosted' : 'sidecar']
}

function withoutPassword(url: string) {
  return url.replace(/^([^:/]*:\/\/[^/@:]*:)[^/]*@/, '$1***@')
}
