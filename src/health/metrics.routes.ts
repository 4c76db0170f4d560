import { Elysia, t } from 'elysia'
import { VerbatimError } from '../errors.ts'
import { Problem } from '../http/problems.ts'
import { PUBLIC } from '../http/tokens.ts'
import type { Metrics } from '../metrics/metrics.ts'

/** `token`: what a scraper has to send, if anything. */
export function metricsRoutes({ metrics, token }: { metrics: Metrics | null; token: string | undefined }) {
  return new Elysia({ tags: ['Operations'], detail: { security: PUBLIC } }).get(
    '/metrics',
    async ({ headers, set }) => {
      if (token !== undefined && headers.authorization !== `Bearer ${token}`) {
        throw new VerbatimError('unauthorized', 'Send the METRICS_TOKEN: Authorization: Bearer <token>')
      }
      if (!metrics) throw new VerbatimError('not_found', 'This process keeps no metrics')
      const { contentType, body } = await metrics.exposition()
      set.headers['content-type'] = contentType
      return body
    },
    {
      response: { 200: t.String(), 401: Problem, 404: Problem },
      detail: {
        summary: 'What this process has done and what waits, for Prometheus',
        description: 'No names, addresses or words of users. `METRICS_TOKEN` keeps it to whom it concerns.',
      },
    },
  )
}
