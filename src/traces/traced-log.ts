import type { Log } from '../log.ts'
import type { Traces } from './traces.ts'

/** Adds the ids of the running trace span to each log line. */
export function tracedLog(log: Log, traces: Pick<Traces, 'running'>): Log {
  return (line, error, about) => log(line, error, { ...about, ...traces.running()?.ids })
}
