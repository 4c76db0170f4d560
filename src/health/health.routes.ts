import { Elysia, t } from 'elysia'
import { PUBLIC } from '../http/bearer.ts'
import type { OperatorAccess } from '../http/operator-access.ts'
import type { Health } from './health.ts'

const Check = t.Object({
  ready: t.Boolean(),
  detail: t.Optional(t.String({ description: 'One sentence, for operators only' })),
})

const well = { ready: true, detail: 'It answers' }

const Readiness = t.Object(
  {
    ready: t.Boolean(),
    checks: t.Object({ database: Check, storage: Check, queue: Check, engine: Check }),
  },
  { examples: [{ ready: true, checks: { database: well, storage: well, queue: well, engine: well } }] },
)

type Readiness = Awaited<ReturnType<Health>>

/** Without sentences: they name hosts and repeat errors. */
function shortened({ ready, checks: { database, storage, queue, engine } }: Readiness) {
  const short = ({ ready }: { ready: boolean }) => ({ ready })
  return {
    ready,
    checks: {
      database: short(database),
      storage: short(storage),
      queue: short(queue),
      engine: short(engine),
    },
  }
}

export function healthRoutes({ health, operatorAccess }: { health: Health; operatorAccess: OperatorAccess }) {
  return new Elysia({ prefix: '/health', tags: ['Operations'], detail: { security: PUBLIC } })
    .get('/live', () => ({ status: 'ok' as const }), {
      response: { 200: t.Object({ status: t.Literal('ok') }, { examples: [{ status: 'ok' }] }) },
      detail: { summary: 'Whether the process answers' },
    })
    .get(
      '/ready',
      async ({ headers, set }) => {
        const isOperator = await operatorAccess(headers.authorization)
        const readiness = await health()
        set.status = readiness.ready ? 200 : 503
        return isOperator ? readiness : shortened(readiness)
      },
      {
        response: { 200: Readiness, 503: Readiness },
        detail: {
          summary: 'Whether uploads are transcribed now',
          description:
            'Says which part is missing; with the `METRICS_TOKEN` or an administrator’s access token also why, and how to cure it. While only the engine is missing, uploads are accepted all the same and wait.',
        },
      },
    )
}
