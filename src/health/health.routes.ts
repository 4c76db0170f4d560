import { Elysia, t } from 'elysia'
import { PUBLIC } from '../http/bearer.ts'
import type { OperatorAccess } from '../http/operator-access.ts'
import type { Health } from './health.ts'

const Check = t.Object({
  ready: t.Boolean(),
  detail: t.Optional(t.String({ description: 'One sentence that explains the state, for operators only' })),
})

const exampleCheck = { ready: true, detail: 'The component works' }

const Readiness = t.Object(
  {
    ready: t.Boolean(),
    checks: t.Object({ database: Check, storage: Check, queue: Check, engine: Check }),
  },
  {
    examples: [
      {
        ready: true,
        checks: { database: exampleCheck, storage: exampleCheck, queue: exampleCheck, engine: exampleCheck },
      },
    ],
  },
)

const NotReady = t.Object(Readiness.properties, {
  ...Readiness,
  description: 'At least one component is not ready',
})

type Readiness = Awaited<ReturnType<Health>>

/** Removes the details, because they contain host names and error messages. */
function withoutDetails({ ready, checks: { database, storage, queue, engine } }: Readiness) {
  const readyOnly = ({ ready }: { ready: boolean }) => ({ ready })
  return {
    ready,
    checks: {
      database: readyOnly(database),
      storage: readyOnly(storage),
      queue: readyOnly(queue),
      engine: readyOnly(engine),
    },
  }
}

export function healthRoutes({ health, operatorAccess }: { health: Health; operatorAccess: OperatorAccess }) {
  return new Elysia({ prefix: '/health', tags: ['Operations'], detail: { security: PUBLIC } })
    .get('/live', () => ({ status: 'ok' as const }), {
      response: { 200: t.Object({ status: t.Literal('ok') }, { examples: [{ status: 'ok' }] }) },
      detail: { summary: 'Check that the process is alive' },
    })
    .get(
      '/ready',
      async ({ headers, set }) => {
        const isOperator = await operatorAccess(headers.authorization)
        const readiness = await health()
        set.status = readiness.ready ? 200 : 503
        return isOperator ? readiness : withoutDetails(readiness)
      },
      {
        response: { 200: Readiness, 503: NotReady },
        detail: {
          summary: 'Check that uploads are transcribed now',
          description:
            'Reports which component is not ready. With the `METRICS_TOKEN` or an administrator’s access token, it also reports why, and how to fix it. While only the engine is not ready, uploads are accepted and wait.',
        },
      },
    )
}
