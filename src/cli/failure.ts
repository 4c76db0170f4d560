/** Exit codes; docs/command-line.md documents them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const

/** The command failed. The message is one sentence for a person, `code` one word for a program. */
export class Failure extends Error {
  override name = 'Failure'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The command was called with invalid arguments. */
export class UsageError extends Failure {
  override name = 'UsageError'

  constructor(message: string) {
    super('usage', message)
  }
}

/** No server answers. */
export class Unreachable extends Failure {
  override name = 'Unreachable'

  constructor(url: string) {
    super(
      'unreachable',
      `No Verbatim service answers at ${url}. Start one with "verbatim serve", choose another with "verbatim login", or use --local`,
    )
  }
}

/** The server refused a request. */
export class Refused extends Failure {
  override name = 'Refused'
  readonly status: number

  constructor({ status, code, message }: { status: number; code: string; message: string }) {
    super(code, message)
    this.status = status
  }
}

/** The user or the system asked the command to end. */
export class Interrupted extends Error {
  override name = 'Interrupted'
  readonly exitCode: number

  constructor(exitCode: number) {
    super('Interrupted')
    this.exitCode = exitCode
  }
}

/** Conflicts of concurrent writers, restarts, overload. */
const TEMPORARY_STATUSES = [408, 423, 429, 502, 503, 504]

/** Whether the same request can succeed within minutes. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof Unreachable) return true
  if (!(error instanceof Refused)) return false
  // The allowance of a day is not restored within minutes.
  if (error.code === 'audio_limit_reached') return false
  return TEMPORARY_STATUSES.includes(error.status) || error.code === 'wrong_offset'
}

/** The error of a response that is not 2xx. */
export function refusalOf({ status, body, url }: { status: number; body: string; url: string }): Refused {
  const { error, code } = parseBody(body)
  if (status === 401 && (code ?? 'unauthorized') === 'unauthorized') {
    const message = `${url} refused the API key: run "verbatim login", or set VERBATIM_API_KEY`
    return new Refused({ status, code: 'unauthorized', message })
  }
  const message = error ?? `${url} responded with the HTTP status ${status}: is it a Verbatim service?`
  return new Refused({ status, code: code ?? `http_${status}`, message })
}

function parseBody(body: string): { error?: string; code?: string } {
  try {
    const parsed: { error?: unknown; code?: unknown } | null = JSON.parse(body)
    const { error, code } = parsed ?? {}
    return {
      ...(typeof error === 'string' && { error }),
      ...(typeof code === 'string' && { code }),
    }
  } catch {
    return {}
  }
}
