import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/** Events that the sidecar prints on stdout, one JSON object per line. */
const Event = Type.Union([
  Type.Object({
    event: Type.Literal('progress'),
    message: Type.String(),
    bytes: Type.Number(),
    total: Type.Union([Type.Number(), Type.Null()]),
  }),
  Type.Object({ event: Type.Literal('done'), path: Type.String() }),
  Type.Object({ event: Type.Literal('error'), message: Type.String() }),
  Type.Object({ event: Type.Literal('listening'), port: Type.Integer() }),
  Type.Object({ event: Type.Literal('ready') }),
])

/** Parses a line of stdout; null if it is not an event. */
export function eventOf(line: string) {
  try {
    const event: unknown = JSON.parse(line)
    return Value.Check(Event, event) ? event : null
  } catch {
    return null
  }
}

/** `downloading X (12 of 133 MB)` */
export function progressLine(progress: { message: string; bytes: number; total: number | null }): string {
  const mega = (bytes: number) => Math.round(bytes / 1e6)
  if (progress.total === null) return progress.message
  return `${progress.message} (${mega(progress.bytes)} of ${mega(progress.total)} MB)`
}
