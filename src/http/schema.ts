import type { TSchema } from '@sinclair/typebox'
import { t } from 'elysia'

export const nullable = <T extends TSchema>(schema: T) => t.Union([schema, t.Null()])

/** `value` in any case, as a pattern of JSON Schema, which has no flags. */
const anyCase = (value: string) => value.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`)

const BOOLEAN = `^(${['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'].map(anyCase).join('|')})?$`

/** A boolean of the query, as people write it. The route parses it. */
export const booleanText = ({ name, description }: { name: string; description: string }) =>
  t.String({
    pattern: BOOLEAN,
    default: 'false',
    description: `${description}. Also 1/0, yes/no and on/off, in any case`,
    error: `${name}: expected true or false (also 1/0, yes/no, on/off)`,
  })
