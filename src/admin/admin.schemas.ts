import { t } from 'elysia'

const ID = '7b5fa1c2-4b5e-4c56-9d5a-0d7a2f3f6a11'

const nullable = <T extends Parameters<typeof t.Union>[0][number]>(schema: T) => t.Union([schema, t.Null()])

const whole = (description: string) => t.Number({ multipleOf: 1, description })

export const UserParams = t.Object({ id: t.String({ description: 'The id of the user', examples: [ID] }) })

export const TranscriptionParams = t.Object({
  id: t.String({ description: 'The `transcription_id`', examples: [ID] }),
})

export const UsersQuery = t.Object({
  email: t.Optional(t.String({ description: 'Only the one with this email' })),
  after: t.Optional(t.String({ description: 'The `next` of the page before' })),
})

const user = {
  id: t.String({ format: 'uuid' }),
  email: nullable(t.String()),
  role: t.UnionEnum(['user', 'admin']),
  priority: whole('Whose is higher goes first'),
  created_at: t.String({ format: 'date-time' }),
  open: whole('Transcriptions that are queued or under way'),
  transcriptions: whole('In all'),
  audio_seconds: t.Number({ description: 'In all' }),
}

const exampleUser = {
  id: ID,
  email: 'ada@example.com',
  role: 'user',
  priority: 0,
  created_at: '2026-01-01T12:00:00Z',
  open: 1,
  transcriptions: 12,
  audio_seconds: 3600.5,
}

export const User = t.Object(user, { examples: [exampleUser] })

export const Users = t.Object(
  {
    users: t.Array(t.Object(user)),
    next: nullable(t.String({ description: 'The `after` of the next page; null at the end' })),
  },
  { examples: [{ users: [exampleUser], next: null }] },
)

export const UserChange = t.Object(
  {
    // `t.UnionEnum` would set the first where none is sent.
    role: t.Optional(t.Union([t.Literal('user'), t.Literal('admin')])),
    priority: t.Optional(
      t.Number({
        multipleOf: 1,
        minimum: -100,
        maximum: 100,
        description: 'From now on what is uploaded goes before all of lower priority',
      }),
    ),
  },
  { examples: [{ priority: 10 }] },
)

export const UsageQuery = t.Object({
  from: t.Optional(t.String({ description: 'The first day (UTC); 29 days ago by default' })),
  to: t.Optional(t.String({ description: 'The last day (UTC); today by default' })),
})

const amounts = { transcriptions: whole('That were uploaded'), audio_seconds: t.Number() }

export const Usage = t.Object(
  {
    from: t.String(),
    to: t.String(),
    days: t.Array(t.Object({ day: t.String(), users: whole('That had any'), ...amounts })),
    users: t.Array(t.Object({ id: t.String({ format: 'uuid' }), email: nullable(t.String()), ...amounts }), {
      description: 'Who had most first; at most 1000',
    }),
  },
  {
    examples: [
      {
        from: '2026-01-01',
        to: '2026-01-30',
        days: [{ day: '2026-01-02', users: 1, transcriptions: 12, audio_seconds: 3600.5 }],
        users: [{ id: ID, email: 'ada@example.com', transcriptions: 12, audio_seconds: 3600.5 }],
      },
    ],
  },
)

export const Requeued = t.Object(
  { id: t.String({ format: 'uuid' }), status: t.UnionEnum(['queued', 'processing', 'completed']) },
  { examples: [{ id: ID, status: 'queued' }] },
)
