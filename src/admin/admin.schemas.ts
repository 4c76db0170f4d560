import { t } from 'elysia'
import { nullable } from '../http/schema.ts'

const ID = '7b5fa1c2-4b5e-4c56-9d5a-0d7a2f3f6a11'

const integer = (description: string) => t.Number({ multipleOf: 1, description })

export const UserParams = t.Object({ id: t.String({ description: 'The id of the user', examples: [ID] }) })

export const TranscriptionParams = t.Object({
  id: t.String({ description: 'The `transcription_id`', examples: [ID] }),
})

export const UsersQuery = t.Object({
  email: t.Optional(t.String({ description: 'Return only the user with this email' })),
  after: t.Optional(t.String({ description: 'The `next` of the previous page' })),
})

const user = {
  id: t.String({ format: 'uuid' }),
  email: nullable(t.String()),
  role: t.UnionEnum(['user', 'admin']),
  priority: integer('Audio of users with a higher priority is transcribed first'),
  created_at: t.String({ format: 'date-time' }),
  open: integer('Transcriptions that are queued or processing'),
  transcriptions: integer('Transcriptions uploaded so far'),
  audio_seconds: t.Number({ description: 'Seconds of audio transcribed so far' }),
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
    next: nullable(t.String({ description: 'The `after` of the next page; null on the last page' })),
  },
  { examples: [{ users: [exampleUser], next: null }] },
)

export const UserChange = t.Object(
  {
    // `t.UnionEnum` would default to the first value if none is sent.
    role: t.Optional(t.Union([t.Literal('user'), t.Literal('admin')])),
    priority: t.Optional(
      t.Number({
        multipleOf: 1,
        minimum: -100,
        maximum: 100,
        description:
          'Applies to audio uploaded from now on: it is transcribed before all audio of lower priority',
      }),
    ),
  },
  { examples: [{ priority: 10 }] },
)

export const UsageQuery = t.Object({
  from: t.Optional(
    t.String({ description: 'The first day (UTC), such as 2026-01-31; 29 days ago by default' }),
  ),
  to: t.Optional(t.String({ description: 'The last day (UTC), such as 2026-01-31; today by default' })),
})

const amounts = { transcriptions: integer('Transcriptions uploaded'), audio_seconds: t.Number() }

export const Usage = t.Object(
  {
    from: t.String(),
    to: t.String(),
    days: t.Array(t.Object({ day: t.String(), users: integer('Users with any usage'), ...amounts })),
    users: t.Array(t.Object({ id: t.String({ format: 'uuid' }), email: nullable(t.String()), ...amounts }), {
      description: 'Users with the most audio first; at most 1000',
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
