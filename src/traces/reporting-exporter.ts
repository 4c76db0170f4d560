import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Log } from '../log.ts'

/** Between two lines about the same trouble. */
const QUIET_MS = 60_000

/** The same exporter; that it fails is told in the log, at most once a minute. */
export function reportingExporter({ exporter, log }: { exporter: SpanExporter; log: Log }): SpanExporter {
  let lost = 0
  let quietUntil = 0
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error) {
          lost += spans.length
          if (performance.now() >= quietUntil) {
            quietUntil = performance.now() + QUIET_MS
            log(
              `traces are lost, ${lost} steps by now: OTEL_EXPORTER_OTLP_ENDPOINT takes none (${reasonOf(result.error)})`,
            )
          }
        }
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
}

/** What the operating system or the collector said, without what was sent. */
function reasonOf(error: Error): string {
  return 'code' in error && error.code !== undefined ? `${error.name} ${error.code}` : error.name
}
