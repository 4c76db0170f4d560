import packageJson from '../package.json' with { type: 'json' }
import type { Settings } from './config.ts'
import type { Log } from './log.ts'
import { noTraces, type Traces } from './traces/traces.ts'

/** Loads OpenTelemetry's packages only if traces are exported. */
export async function openTraces(settings: Settings, log: Log): Promise<Traces> {
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT
  if (endpoint === undefined) return noTraces
  const { openTelemetry } = await import('./traces/opentelemetry.ts')
  return openTelemetry({
    endpoint,
    headers: settings.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    attributes: {
      'service.name': settings.OTEL_SERVICE_NAME,
      'service.version': packageJson.version,
      'service.instance.id': crypto.randomUUID(),
      'verbatim.mode': settings.MODE,
    },
    sampling: { ...settings.OTEL_TRACES_SAMPLER, share: settings.OTEL_TRACES_SAMPLER_ARG },
    log,
  })
}
