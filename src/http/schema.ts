import type { TSchema } from '@sinclair/typebox'
import { t } from 'elysia'

export const nullable = <T extends TSchema>(schema: T) => t.Union([schema, t.Null()])
