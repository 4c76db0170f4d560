import type { Log } from '../log.ts'
import type { Traces } from './traces.ts'

/** The same log; lines of a step name it. */
export function tracedLog(log: Log, traces: Pick<Traces, 'running'>): Log {
  return (line, error, about) => log(line, error, { ...about, ...traces.running()?.ids })
}
