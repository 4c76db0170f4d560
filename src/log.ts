import { VerbatimError } from './errors.ts'

/**
 * Logs one line for an operator. `fields` are for programs, such as a request's id. Neither may contain
 * transcribed text, passwords, tokens or signatures.
 */
export type Log = (line: string, error?: unknown, fields?: Record<string, unknown>) => void

type LogFormat = 'text' | 'json'

/**
 * `text` writes a line, with the error and its stack below it; `json` writes one object per line. `write`
 * receives a line without its line break.
 */
export function createLog(format: LogFormat, write: (line: string) => void): Log {
  return (line, error, fields = {}) => {
    const time = new Date().toISOString()
    const described = error === undefined ? null : describeError(error)
    if (format === 'json') {
      const level = described ? 'error' : 'info'
      return write(
        JSON.stringify({ time, level, message: line, ...fields, ...(described && { error: described }) }),
      )
    }
    write(`${time} ${[line, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(' ')}`)
    if (described) write(indented(described))
  }
}

const REPEAT_MS = 60_000

/** Skips an error that was logged less than a minute ago. */
export function withoutRepeats(log: Log): Log {
  const loggedAt = new Map<string, number>()
  return (line, error, fields) => {
    const now = performance.now()
    for (const [earlier, at] of loggedAt) if (now - at > REPEAT_MS) loggedAt.delete(earlier)
    const key = `${line}: ${error instanceof Error ? error.message : error}`
    if (loggedAt.has(key)) return
    loggedAt.set(key, now)
    log(line, error, fields)
  }
}

/** SQLSTATE class 22: the messages quote the values, which may be a user's text. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/

type Described = { name: string; message: string; code?: string; stack?: string; cause?: Described }

/**
 * The message, stack and causes of an error, without the parameters that the error of a failed query
 * contains.
 */
function describeError(error: unknown, depth = 0): Described {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) }
  const { name, cause } = error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const message = DATA_EXCEPTION.test(code ?? '')
    ? 'the database rejected a value'
    : (error.message.split('\nparams:')[0] ?? '')
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line))
  return {
    name,
    message,
    ...(code !== undefined && { code }),
    // A VerbatimError is expected: its stack has no information.
    ...(frames?.length && !(error instanceof VerbatimError) && { stack: frames.join('\n') }),
    ...(cause !== undefined && depth < 5 && { cause: describeError(cause, depth + 1) }),
  }
}

function indented({ name, message, stack, cause }: Described): string {
  const lines = [`  ${name}: ${message}`, ...(stack ? [stack] : [])]
  return [...lines, ...(cause ? [`  caused by${indented(cause)}`] : [])].join('\n')
}
