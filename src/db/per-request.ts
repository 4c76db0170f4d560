import { AsyncLocalStorage } from 'node:async_hooks'
import postgres, { type Sql } from 'postgres'
import type { Changes } from './changes.ts'
import { databaseOn, RECONNECTING } from './connect.ts'
import type { OpenDatabase } from './database.ts'

const CHANNEL = 'transcriptions'

/** A request's connection, which its first query opens. */
export type Connection = {
  /** What is asked of the database in `work`, or in what it begins, goes over this connection. */
  run<T>(work: () => T): T
  close(): Promise<void>
}

/**
 * A Postgres for runtimes in which a socket is good for one request alone, such as workerd: each has a connection of its own,
 * and one more while it listens.
 */
export function perRequestPostgres({
  url,
}: {
  url: string
}): Pick<OpenDatabase, 'db' | 'ping'> & { changes: Changes; open(): Connection } {
  // Drizzle writes and reads arrays itself, so that their types need not be asked for at every connection.
  const connect = () =>
    postgres(url, {
      ...RECONNECTING,
      max: 1,
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: 'verbatim edge' },
    })
  const held = new AsyncLocalStorage<Sql>()
  const current = () => {
    const client = held.getStore()
    if (!client) throw new Error('the database is asked outside of a request')
    return client
  }
  // Drizzle is set up once, and asks the client of the request that it is asked in.
  const unused = connect()
  const client = new Proxy(unused, {
    get: (_, name) => Reflect.get(name === 'options' ? unused : current(), name),
  })

  return {
    ...databaseOn(client),

    changes: {
      listen(id, hear) {
        const listening = current().listen(CHANNEL, (changed) => void (changed === id && hear()), hear)
        // Who then reads the database learns what is wrong.
        listening.catch(hear)
        return () => void listening.then(({ unlisten }) => unlisten()).catch(() => {})
      },
    },

    open() {
      const own = connect()
      Object.assign(own.options.parsers, unused.options.parsers)
      Object.assign(own.options.serializers, unused.options.serializers)
      return {
        run: (work) => held.run(own, work),
        close: () => own.end({ timeout: 1 }),
      }
    },
  }
}
