import { VerbatimError } from './errors.ts'

/**
 * One line for an operator; `about` are its facts for a program, such as a request's id. Neither holds what was said, nor a
 * password, token or signature.
 */
export type Log = (line: string, error?: unknown, about?: Record<string, unknown>) => void

type LogFormat = 'text' | 'json'

/** `text`: a line, with an error's stack below it. `json`: an object a line. `write` gets each without its line break. */
export function createLog(format: LogFormat, write: (line: string) => void): Log {
  return (line, error, about = {}) => {
    const time = new Date().toISOString()
    const told = error === undefined ? null : describeError(error)
    if (format === 'json') {
      const level = told ? 'error' : 'info'
      return write(JSON.stringify({ time, level, message: line, ...about, ...(told && { error: told }) }))
    }
    write(`${time} ${[line, ...Object.entries(about).map(([name, value]) => `${name}=${value}`)].join(' ')}`)
    if (told) write(indented(told))
  }
}

const REPEATED_MS = 60_000

/** Leaves out an error that was logged less than a minute ago. */
export function withoutRepeats(log: Log): Log {
  const loggedAt = new Map<string, number>()
  return (line, error, about) => {
    const now = performance.now()
    for (const [earlier, at] of loggedAt) if (now - at > REPEATED_MS) loggedAt.delete(earlier)
    const key = `${line}: ${error instanceof Error ? error.message : error}`
    if (loggedAt.has(key)) return
    loggedAt.set(key, now)
    log(line, error, about)
  }
}

/** Postgres' class 22: its sentences quote the values. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/

type Described = { name: string; message: string; code?: string; stack?: string; cause?: Described }

/** What went wrong and where, but not with which values: a failed query's error has those of its parameters in it. */
export function describeError(error: unknown, depth = 0): Described {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) }
  const { name, cause } = error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const message = DATA_EXCEPTION.test(code ?? '')
    ? 'a value was not what the database takes'
    : (error.message.split('\nparams:')[0] ?? '')
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line))
  return {
    ...{ name, message },
    ...(code !== undefined && { code }),
    // One that is named was expected: where it was made tells nothing more.
    ...(frames?.length && !(error instanceof VerbatimError) && { stack: frames.join('\n') }),
    ...(cause !== undefined && depth < 5 && { cause: describeError(cause, depth + 1) }),
  }
}

function indented({ name, message, stack, cause }: Described): string {
  const lines = [`  ${name}: ${message}`, ...(stack ? [stack] : [])]
  return [...lines, ...(cause ? [`  caused by${indented(cause)}`] : [])].join('\n')
}
