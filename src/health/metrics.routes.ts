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
      if (!metrics) throw new VerbatimError('not_found', 'This process keeps no metrics')
      if (!(await operatorAccess(headers.authorization))) {
        throw new VerbatimError(
          'unauthorized',
          'Metrics are for operators: send the METRICS_TOKEN of the service, Authorization: Bearer <token>',
        )
      }
      const { contentType, body } = await metrics.exposition()
      set.headers['content-type'] = contentType
      return body
    },
    {
      response: { 200: t.String(), ...errorSchemas(401, 404) },
      detail: {
        summary: 'What this process has done and what waits, for Prometheus',
        description:
          'For operators: send the `METRICS_TOKEN`, or an administrator’s access token. Holds no names, addresses or words of users.',
      },
    },
  )
}
