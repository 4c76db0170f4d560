import { t } from 'elysia'
import { ENGINE_CHOICES, QUALITIES } from '../engines/engine.ts'
import { nullable } from '../http/schema.ts'

export const Info = t.Object(
  {
    version: t.String(),
    registration: t.Boolean({ description: 'Whether an account can be registered now' }),
    identity_provider: nullable(
      t.String({ description: 'The issuer whose access tokens are accepted; null: none' }),
    ),
    engines: t.Array(t.UnionEnum([...ENGINE_CHOICES]), {
      description: 'The values of the field `engine` that an upload may choose, in order of preference',
    }),
    default_quality: t.UnionEnum([...QUALITIES]),
    max_upload_bytes: t.Number({ multipleOf: 1 }),
    max_audio_seconds: t.Number({ multipleOf: 1 }),
    retention_days: nullable(
      t.Number({
        multipleOf: 1,
        description: 'Days until the audio of a finished transcription is removed; null: it is kept',
      }),
    ),
  },
  {
    examples: [
      {
        version: '0.1.0',
        registration: true,
        identity_provider: null,
        engines: ['sidecar'],
        default_quality: 'balanced',
        max_upload_bytes: 2_147_483_648,
        max_audio_seconds: 86_400,
        retention_days: null,
      },
    ],
  },
)
