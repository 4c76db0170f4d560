import { parseNetwork } from '../outbound/networks.ts'

// A parser returns undefined for a text that its setting does not accept.

export const text = (text: string) => text.trim() || undefined

export const url = (text: string) =>
  URL.canParse(text) && /^https?:/.test(text) ? text.replace(/(?<!\/)\/+$/, '') : undefined

export const oneOf =
  <const T extends string>(...values: readonly T[]) =>
  (text: string) =>
    values.find((value) => value === text)

export const integer = (min: number, max: number) => (text: string) => {
  const value = Number(text)
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined
}

export const bytesOrUnlimited = (text: string) =>
  text === 'unlimited' ? text : integer(1, Number.MAX_SAFE_INTEGER)(text)

const listOf =
  <T>(parse: (text: string) => T | undefined) =>
  (text: string) => {
    const values = text.split(',').map((item) => parse(item.trim()))
    return values.every((value) => value !== undefined) ? values : undefined
  }

export const urlList = listOf(url)

/** One or several names, the first of which is the default. */
export const names = (text: string): [string, ...string[]] | undefined => {
  const [first, ...others] = text.split(',').map((item) => item.trim())
  return first && others.every(Boolean) ? [first, ...others] : undefined
}

export const networkList = listOf(parseNetwork)

/** The serialization of an origin (WHATWG HTML §7.1.1), as browsers send it. Also takes schemes of apps. */
const origin = (text: string) => {
  const { protocol, host } = URL.parse(text) ?? {}
  const isOrigin = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\\]+$/i.test(text)
  return isOrigin && host ? `${protocol}//${host}` : undefined
}

export const origins = (text: string) => (text.trim() === '*' ? '*' : listOf(origin)(text))

export const postgresUrl = (text: string) =>
  /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? text : undefined

/** One or several different values, in the order of preference. */
export const preference =
  <const T extends string>(...values: readonly T[]) =>
  (text: string): [T, ...T[]] | undefined => {
    const [first, ...others] = listOf(oneOf(...values))(text) ?? []
    if (!first || new Set([first, ...others]).size <= others.length) return undefined
    return [first, ...others]
  }

const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/
const FOLDER = /^(\/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*\/?$/

export const bucketUrl = (text: string) => {
  const { protocol, host, pathname, searchParams, username, hash } = URL.parse(text) ?? {}
  if (protocol !== 's3:' || !host || !searchParams || username || hash) return undefined
  if (!BUCKET.test(host) || !FOLDER.test(pathname ?? '')) return undefined
  const { endpoint: endpointText, region = 'us-east-1', ...others } = Object.fromEntries(searchParams)
  const endpoint = endpointText === undefined ? undefined : url(endpointText)
  if (endpointText !== undefined && (!endpoint || /[?#@]/.test(endpoint))) return undefined
  if (!/^[a-z0-9-]+$/.test(region) || Object.keys(others).length > 0) return undefined
  return { bucket: host, prefix: pathname?.replace(/^\/|\/$/g, '') || undefined, endpoint, region }
}

/** The format of OTEL_EXPORTER_OTLP_HEADERS, which OpenTelemetry takes from W3C Baggage. */
export const headerList = (text: string): Record<string, string> | undefined => {
  const pairs = text.split(',').map((item) => /^\s*([\w!#$%&'*+.^`|~-]+)\s*=(.*)$/.exec(item))
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

export const sampler = (text: string) => Object.entries(SAMPLERS).find(([name]) => name === text)?.[1]

export const share = (text: string) => {
  const value = Number(text)
  return /^[\d.]+$/.test(text) && value >= 0 && value <= 1 ? value : undefined
}

export const secrets = (text: string): [string, ...string[]] | undefined => {
  const [first, ...others] = text.split(',').map((item) => item.trim())
  const isLong = (secret: string) => secret.length >= 32
  return first && [first, ...others].every(isLong) ? [first, ...others] : undefined
}
