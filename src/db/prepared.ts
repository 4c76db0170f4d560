import type { Sql } from 'postgres'

/** Longer statements are mostly inserts of many rows, whose text differs with their number. */
const MAX_PARAMETERS = 100
/** Bounds the memory of a connection: it keeps what it has prepared. */
const MAX_STATEMENTS = 300

/**
 * Makes Drizzle's statements named prepared statements, which Postgres parses once per connection instead of
 * with each execution, and whose plans it keeps. Drizzle itself names only what `prepare` built.
 */
export function withPreparedStatements(client: Sql): Sql {
  const known = new Set<string>()

  function isPrepared(query: string, parameters: unknown[]): boolean {
    if (known.has(query)) return true
    if (parameters.length > MAX_PARAMETERS || known.size >= MAX_STATEMENTS) return false
    known.add(query)
    return true
  }

  /** `client` is also the client of a transaction or a savepoint. */
  const wrap = <Client extends object>(client: Client): Client =>
    new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        if (name === 'unsafe') {
          return (query: string, parameters: unknown[] = []) =>
            value(query, parameters, { prepare: isPrepared(query, parameters) })
        }
        if (name === 'begin' || name === 'savepoint') {
          return (work: (client: object) => unknown) => value((inner: object) => work(wrap(inner)))
        }
        return value
      },
    })

  return wrap(client)
}
