import { Elysia, t } from 'elysia'
import { VerbatimError } from '../errors.ts'
import { PUBLIC } from '../http/bearer.ts'
import { errorSchemas } from '../http/openapi/statuses.ts'
import type { OperatorAccess } from '../http/operator-access.ts'
import type { Metrics } from '../metrics/metrics.ts'

export function metricsRoutes({
  metrics,
  operatorAccess,
}: {
  metrics: Metrics | null
  operatorAccess: OperatorAccess
}) {
  return new Elysia({ tags: ['Operations'], detail: { security: PUBLIC } }).get(
    '/metrics',
    async ({ headers, set }) => {
      if (!metrics) throw new VerbatimError('not_found', 'This process has no metrics')
      if (!(await operatorAccess(headers.authorization))) {
        throw new VerbatimError(
          'unauthorized',
          'Only operators can read metrics: send Authorization: Bearer <METRICS_TOKEN>',
        )
      }
      const { contentType, body } = await metrics.exposition()
      set.headers['content-type'] = contentType
      return body
    },
    {
      response: { 200: t.String(), ...errorSchemas(401, 404) },
      detail: {
        summary: 'Get the metrics of this process in Prometheus’ format',
        description:
          'For operators: send the `METRICS_TOKEN` or an administrator’s access token. Metrics contain no user names, addresses or transcribed text.',
      },
    },
  )
}
