import { AsyncLocalStorage } from 'node:async_hooks'
import postgres, { type Sql } from 'postgres'
import { CHANNELS, type Changes } from './changes.ts'
import { databaseOn, RECONNECT_OPTIONS } from './connect.ts'
import type { OpenDatabase } from './database.ts'

/** The connection of one request. Its first query opens it. */
export type Connection = {
  /** Sends the queries of `work`, and of all asynchronous work that it starts, over this connection. */
  run<T>(work: () => T): T
  close(): Promise<void>
}

/**
 * A Postgres for runtimes such as workerd, in which only the request that opened a socket may use it. Each
 * request has its own connection, and a second one while it listens.
 */
export function perRequestPostgres({
  url,
}: {
  url: string
}): Pick<OpenDatabase, 'db' | 'ping'> & { changes: Changes; open(): Connection } {
  // Drizzle encodes and decodes arrays itself. `fetch_types: false` saves a query for their types per
  // connection.
  const connect = () =>
    postgres(url, {
      ...RECONNECT_OPTIONS,
      max: 1,
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: 'verbatim edge' },
    })
  const clients = new AsyncLocalStorage<Sql>()
  const current = () => {
    const client = clients.getStore()
    if (!client) throw new Error('a query outside of a request has no connection')
    return client
  }
  // Drizzle is created once. The proxy forwards its queries to the client of the current request.
  const unused = connect()
  const client = new Proxy(unused, {
    get: (_, name) => Reflect.get(name === 'options' ? unused : current(), name),
  })

  const listenOn = (channel: string) => (id: string, onChange: () => void) => {
    const onNotify = (changedId: string) => {
      if (changedId === id) onChange()
    }
    const listening = current().listen(channel, onNotify, onChange)
    // The listener then reads the database, which fails with the reason.
    listening.catch(onChange)
    return () => void listening.then(({ unlisten }) => unlisten()).catch(() => {})
  }

  return {
    ...databaseOn(client),

    changes: { listen: listenOn(CHANNELS.changes), listenForEnd: listenOn(CHANNELS.ends) },

    open() {
      const own = connect()
      Object.assign(own.options.parsers, unused.options.parsers)
      Object.assign(own.options.serializers, unused.options.serializers)
      return {
        run: (work) => clients.run(own, work),
        close: () => own.end({ timeout: 1 }),
      }
    },
  }
}
