import { Elysia, t } from 'elysia'
import { PUBLIC } from '../http/tokens.ts'
import type { Health } from './health.ts'

const Check = t.Object({ ready: t.Boolean(), detail: t.String({ description: 'One sentence' }) })

const well = { ready: true, detail: 'It answers' }

const Readiness = t.Object(
  {
    ready: t.Boolean(),
    checks: t.Object({ database: Check, storage: Check, queue: Check, engine: Check }),
  },
  { examples: [{ ready: true, checks: { database: well, storage: well, queue: well, engine: well } }] },
)

export function healthRoutes({ health }: { health: Health }) {
  return new Elysia({ prefix: '/health', tags: ['Operations'], detail: { security: PUBLIC } })
    .get('/live', () => ({ status: 'ok' as const }), {
      response: { 200: t.Object({ status: t.Literal('ok') }, { examples: [{ status: 'ok' }] }) },
      detail: { summary: 'Whether the process answers' },
    })
    .get(
      '/ready',
      async ({ set }) => {
        const readiness = await health()
        set.status = readiness.ready ? 200 : 503
        return readiness
      },
      {
        response: { 200: Readiness, 503: Readiness },
        detail: {
          summary: 'Whether uploads are transcribed now',
          description:
            'Says what is missing and how to cure it. While only the engine is missing, uploads are taken all the same and wait.',
        },
      },
    )
}
