import type { TSchema } from '@sinclair/typebox'
import { t } from 'elysia'

export const nullable = <T extends TSchema>(schema: T) => t.Union([schema, t.Null()])

/** In any case; a pattern of JSON Schema has no flags. */
const BOOLEAN = '^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|1|0|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff])?$'

/** A boolean of the query, as people write it. The route parses it. */
export const booleanText = ({ name, description }: { name: string; description: string }) =>
  t.String({
    pattern: BOOLEAN,
    default: 'false',
    description: `${description}. Also 1/0, yes/no and on/off, in any case`,
    error: `${name}: expected true or false (also 1/0, yes/no, on/off)`,
  })
