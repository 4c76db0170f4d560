import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Log } from '../log.ts'

/** Interval between two log lines. */
const LOG_INTERVAL_MS = 60_000

/** Logs failures of an exporter, at most once a minute. */
export function reportingExporter({ exporter, log }: { exporter: SpanExporter; log: Log }): SpanExporter {
  let lost = 0
  let nextLogAt = 0
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error) {
          lost += spans.length
          if (performance.now() >= nextLogAt) {
            nextLogAt = performance.now() + LOG_INTERVAL_MS
            const reason = reasonOf(result.error)
            log(
              `OTEL_EXPORTER_OTLP_ENDPOINT accepts no traces (${reason}): ${lost} trace spans are lost so far`,
            )
          }
        }
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
}

/** The error's name and code. Its message may contain what was sent. */
function reasonOf(error: Error): string {
  return 'code' in error && error.code !== undefined ? `${error.name} ${error.code}` : error.name
}
